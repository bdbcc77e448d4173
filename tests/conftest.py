"""What every kind of test needs: the programs that tools/setup installed, however pytest was started; and with
`pytest -n`, which tests stay together in one process."""

import os
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_ROOT = Path(__file__).resolve().parent.parent
os.environ["PATH"] = os.pathsep.join([str(_ROOT / ".venv/bin"), str(_ROOT / ".tools/bin"), os.environ.get("PATH", "")])
os.environ.setdefault("JSII_RUNTIME_PACKAGE_CACHE_ROOT", str(_ROOT / ".tools/jsii"))

# They share what is slow to make, or are counted together. Who is not named here may run beside anybody. `make test`
# runs tests/embedded without `-n`: Ctrl-C would end a process of xdist before it had stopped the stack that it started.
_TOGETHER = ("tests/embedded/", "tests/infra/", "tests/faults/test_simulation.py")


class _Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Those that stay together come first, for they take longest."""

    def _split_scope(self, nodeid: str) -> str:
        return next((together for together in _TOGETHER if nodeid.startswith(together)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _Scheduling:
    return _Scheduling(config, log)
