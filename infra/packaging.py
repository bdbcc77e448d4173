"""The one Lambda package: what every function runs, built without Docker and the same from the same inputs.

    requirements/lambda.txt --uv--> libraries --prune, compile--> .tools/bundle/<hash>.zip   once per set of pins
    functions/** ------------------compile-----------------------> a copy of it, and our code   at every change

The asset's hash is taken from our sources, the pins and the target, never from what happens to lie in a folder: a
stray .pyc must not deploy every function anew.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import BundlingOptions, BundlingOutput, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "functions"
PINS = ROOT / "requirements" / "lambda.txt"
TOOLS = ROOT / ".tools"

LAMBDA_PYTHON = "3.13"
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

# The services the functions call. Credentials come from Lambda's environment, so not even STS is needed.
_SERVICES = frozenset({"dynamodb", "events", "lambda", "secretsmanager", "sesv2", "sns", "sqs"})
# Locales of botocore's size are what Babel brings: we write in these languages, each with its regions.
_LANGUAGES = frozenset({"en", "fr", "root"})
_UNUSED = (
    "bin",
    "*/py.typed",
    "*.pyi",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.js",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.css",
    "babel/messages",
    # The command line of the library for conditions, and what only that needs: functions/program/cel.py does without.
    "cel/cli.py",
    *(
        pattern
        for name in (
            "annotated_doc", "prompt_toolkit", "pygments", "rich",
            "shellingham", "typer", "wcwidth",
        )
        for pattern in (name, f"{name}-*.dist-info")
    ),
    "dateutil/zoneinfo/*.tar.gz",
    "pydantic/mypy.py",
    "pydantic/v1",
)  # fmt: skip
# Compressed files carry a time; one for all of them keeps equal packages equal, byte for byte.
_EPOCH = (1980, 1, 1, 0, 0, 0)


class PackagingError(RuntimeError):
    """The package could not be built; the message says what to do."""


@dataclass(frozen=True)
class Target:
    """Where the package will run: `platform` as uv names it, and whether bytecode made here runs there."""

    platform: str
    bytecode: bool

    @property
    def name(self) -> str:
        return f"{self.platform} python{LAMBDA_PYTHON if self.bytecode else ''}"


def target_of(stage: str) -> Target:
    """AWS runs Python 3.13 on Graviton; the emulator runs functions with this host's interpreter."""
    if stage == "local":
        return Target(platform=f"host-{sys.platform}-{platform.machine()}-{THIS_PYTHON}", bytecode=True)
    return Target(platform="aarch64-manylinux_2_28", bytecode=THIS_PYTHON == LAMBDA_PYTHON)


def lambda_code(stage: str) -> lambda_.Code:
    """The package for `stage`: one asset that all functions share. Built when the app is synthesized, if it changed."""
    package = Package(target_of(stage))
    return lambda_.Code.from_asset(
        str(SOURCES),
        asset_hash=package.fingerprint,
        bundling=BundlingOptions(
            # Never pulled: the local bundling below either succeeds or raises.
            image=DockerImage.from_registry("unused"),
            output_type=BundlingOutput.ARCHIVED,
            local=_LocalBundling(package),
        ),
    )


@jsii.implements(ILocalBundling)
class _LocalBundling:
    def __init__(self, package: "Package") -> None:
        self._package = package

    def try_bundle(self, output_dir: str, *_: Any, **__: Any) -> bool:
        self._package.write(Path(output_dir) / "functions.zip")
        return True


@dataclass(frozen=True)
class Package:
    """The zip file for one target."""

    target: Target

    @cached_property
    def fingerprint(self) -> str:
        """Changes exactly when the package does."""
        return _digest(
            self._libraries_fingerprint,
            *(part for path in sources() for part in (path.relative_to(ROOT).as_posix(), path.read_bytes())),
        )

    @cached_property
    def _libraries_fingerprint(self) -> str:
        # This file is part of the recipe: another list of unused files makes another package.
        return _digest(self.target.name, PINS.read_bytes(), Path(__file__).read_bytes())

    def write(self, archive: Path) -> None:
        """Writes the package. Raises PackagingError when the libraries cannot be installed."""
        libraries = TOOLS / "bundle" / f"{self._libraries_fingerprint}.zip"
        if not libraries.exists():
            self._write_libraries(libraries)
        shutil.copyfile(libraries, archive)
        with tempfile.TemporaryDirectory(prefix="fidelio-") as folder:
            copied = [_copied(path, Path(folder)) for path in sources()]
            self._compile(Path(folder))
            _add(archive, Path(folder))
        _say(f"Lambda package of {len(copied)} files and their libraries: {archive.stat().st_size / 1e6:.1f} MB")
        if not self.target.bytecode:
            _say(f"Python {THIS_PYTHON} cannot compile for Lambda's {LAMBDA_PYTHON}: functions will start more slowly")

    def _write_libraries(self, archive: Path) -> None:
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
            installed = Path(folder) / "libraries"
            self._install(installed)
            _prune(installed)
            self._compile(installed)
            half_made = Path(folder) / archive.name
            _add(half_made, installed)
            half_made.replace(archive)

    def _install(self, folder: Path) -> None:
        uv = TOOLS / "uv" / "bin" / "uv"
        if not uv.exists():
            raise PackagingError("uv is not installed in this checkout: run tools/setup")
        where = [] if self.target.platform.startswith("host-") else [
            "--python-platform", self.target.platform, "--python-version", LAMBDA_PYTHON,
        ]  # fmt: skip
        _run(
            str(uv), "pip", "install", "--quiet", "--python", sys.executable, *where, "--target", str(folder),
            "--only-binary", ":all:", "--no-deps", "--require-hashes", "--requirement", str(PINS),
        )  # fmt: skip

    def _compile(self, folder: Path) -> None:
        """Bytecode that Python trusts without a look at the source: a cold start on Lambda cannot write any."""
        if not self.target.bytecode:
            return
        _run(
            sys.executable, "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash",
            "-s", str(folder), "-p", "/var/task", str(folder),
        )  # fmt: skip


def sources() -> list[Path]:
    """Our files in the package, in one order everywhere."""
    return sorted(
        path
        for path in SOURCES.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and not any(part.startswith(".") for part in path.parts[-3:])
    )


def _copied(path: Path, folder: Path) -> Path:
    copy = folder / path.relative_to(ROOT)
    copy.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(path, copy))


def _prune(folder: Path) -> None:
    for path in [*_unused_data(folder), *(path for pattern in _UNUSED for path in folder.glob(pattern))]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _unused_data(folder: Path) -> Iterator[Path]:
    for model in (folder / "botocore" / "data").iterdir():
        if model.is_dir() and model.name not in _SERVICES:
            yield model
    for locale in (folder / "babel" / "locale-data").iterdir():
        if locale.name.split(".")[0].split("_")[0] not in _LANGUAGES:
            yield locale
    # METADATA stays: it is how vulnerability scanners know what is in the package.
    for described in folder.glob("*.dist-info"):
        yield from (path for path in described.iterdir() if path.name != "METADATA")


def _add(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            target.writestr(entry, path.read_bytes(), compresslevel=9)


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PackagingError(f"{' '.join(command[:3])} failed:\n{done.stdout}{done.stderr}")


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()


def _say(line: str) -> None:
    # The CDK reads nothing from the app's output, and shows what comes on stderr.
    sys.stderr.write(f"{line}\n")
