"""What every kind of test needs: the programs that tools/setup installed, however pytest was started."""

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
os.environ["PATH"] = os.pathsep.join([str(_ROOT / ".venv/bin"), str(_ROOT / ".tools/bin"), os.environ.get("PATH", "")])
os.environ.setdefault("JSII_RUNTIME_PACKAGE_CACHE_ROOT", str(_ROOT / ".tools/jsii"))
