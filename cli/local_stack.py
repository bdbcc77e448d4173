"""AWS on this machine: the emulator as one process, and the programme in it, deployed by the CDK exactly as to AWS.

    stopped --start--> running --bootstrap, deploy--> deployed --stop--> stopped
                                                         |
                                                         '--> <state_dir>/stack.json, which cli.connection reads

What lies in `state_dir`: `ministack.pid` (locked for as long as the emulator lives), `ministack.log`, `deploy.log`,
`stack.json`, `cdk.out`, and `data-<port>`, which the emulator writes when it is stopped with patience.
"""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from botocore.exceptions import ClientError

from cli.connection import aws_client
from cli.errors import ExplainedError

ROOT = Path(__file__).resolve().parent.parent
REGION = "eu-west-1"
ACCOUNT = "000000000000"
HOST = "127.0.0.1"

_TABLES = ("members", "accounts", "entries", "rewards", "program", "messages", "webhooks", "feed")
_DATA_STACK = "fidelio-local-data"
_SERVICE_STACK = "fidelio-local-service"

_START_SECONDS = 30.0
_STOP_SECONDS = 60.0
# Every function at work is a process of 60 MB and an unpacked package of 30 MB; more are refused.
_CONCURRENT_FUNCTIONS = 24
_IDLE_FUNCTION_SECONDS = 60
# Less room than this in memory, and functions are unpacked on the disk instead. Containers often have 64 MB there.
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  a folder of our own in it
_SHARED_MEMORY_BYTES = 2 * 1024**3


class LocalStackError(ExplainedError):
    """The stack on this machine did not do what it should; the message says what to do about it."""


@dataclass
class LocalStack:
    """One emulator on `port`, with everything it keeps in `state_dir`; `keep` makes its data outlive the process."""

    state_dir: Path
    port: int
    keep: bool = False
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False, repr=False)

    @property
    def endpoint_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def connection_file(self) -> Path:
        return self.state_dir / "stack.json"

    @property
    def log(self) -> Path:
        return self.state_dir / "ministack.log"

    @property
    def _pid_file(self) -> Path:
        return self.state_dir / "ministack.pid"

    @property
    def _data(self) -> Path:
        # The emulator keeps its queues under addresses with the port in them: on another port they would go unread.
        return self.state_dir / f"data-{self.port}"

    def is_running(self) -> bool:
        """Whether the emulator of this `state_dir` lives, started by whichever process."""
        return running_port(self.state_dir) is not None

    def start(self) -> None:
        """Start the emulator in a session of its own, so that neither Ctrl-C nor a closed terminal reaches it."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        with self._pid_file.open("a+") as pid_file:
            if not _locked(pid_file.fileno()):
                raise LocalStackError(f"A stack is already running from {self.state_dir}: stop it with `make down`.")
            self._refuse_taken_port()
            self._clear_scratch()
            self._rewind_streams()
            self._process = self._spawn(lock=pid_file.fileno())
            pid_file.truncate(0)
            pid_file.write(f"{self._process.pid}\n{self.port}\n")
        self._wait_until_healthy(self._process)

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, self.port)) == 0:
                raise LocalStackError(
                    f"Port {self.port} is taken by another program.\n"
                    f"Stop that program, or choose another port: FIDELIO_PORT={self.port + 1} make up"
                )

    def _spawn(self, lock: int) -> "subprocess.Popen[bytes]":
        scratch = self._scratch()
        scratch.mkdir(parents=True)
        # It inherits the lock on the pid file: released by its end, whatever the end, and by nothing else.
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [ROOT / ".tools" / "ministack" / "bin" / "ministack"],
                cwd=self.state_dir,
                env=self._environment(scratch),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[lock],
                start_new_session=True,
            )

    def _environment(self, scratch: Path) -> dict[str, str]:
        """The emulator's environment, made from nothing: the functions it runs inherit all of it.

        AWS_ENDPOINT_URL must not be in it. Each function is given the emulator's own address and the region.
        """
        keep = {"PERSIST_STATE": "1", "S3_PERSIST": "1"} if self.keep else {}
        return keep | {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(scratch),  # so that no function reads the user's ~/.aws
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "TMPDIR": str(scratch),
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": HOST,
            "MINISTACK_REGION": REGION,
            "STATE_DIR": str(self._data / "aws"),
            "S3_DATA_DIR": str(self._data / "s3"),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LAMBDA_ACCOUNT_CONCURRENCY": str(_CONCURRENT_FUNCTIONS),
            "LAMBDA_WARM_TTL_SECONDS": str(_IDLE_FUNCTION_SECONDS),
        }

    def _scratch(self) -> Path:
        """Where functions are unpacked: in memory if there is room, under a name that only this state_dir has."""
        if _SHARED_MEMORY.is_dir() and shutil.disk_usage(_SHARED_MEMORY).free >= _SHARED_MEMORY_BYTES:
            return _SHARED_MEMORY / self._scratch_name
        return self.state_dir / "tmp"

    @property
    def _scratch_name(self) -> str:
        return f"fidelio-{hashlib.sha256(str(self.state_dir.resolve()).encode()).hexdigest()[:12]}"

    def _clear_scratch(self) -> None:
        # The emulator leaves its temporary folders behind.
        for scratch in (_SHARED_MEMORY / self._scratch_name, self.state_dir / "tmp"):
            shutil.rmtree(scratch, ignore_errors=True)

    def _rewind_streams(self) -> None:
        """The emulator keeps how far a table's stream was read, but not the stream, and would skip what comes next."""
        kept = self._data / "aws" / "lambda.json"
        if kept.exists():
            state = json.loads(kept.read_text())
            positions = state["payload"]["dynamodb_stream_positions"]["data"]
            positions.update(dict.fromkeys(positions, 0))
            kept.write_text(json.dumps(state))

    def _wait_until_healthy(self, process: "subprocess.Popen[bytes]") -> None:
        def healthy() -> bool:
            if process.poll() is not None:
                raise LocalStackError(f"The emulator did not start.\n\n{_tail(self.log)}\n\nThe whole log: {self.log}")
            return self._answers()

        if not _eventually(healthy, _START_SECONDS):
            self.stop()
            raise LocalStackError(f"The emulator did not answer within {_START_SECONDS:.0f} s. Its log: {self.log}")

    def _answers(self) -> bool:
        try:
            health = httpx.get(f"{self.endpoint_url}/_ministack/health", timeout=2, trust_env=False)
        except httpx.TransportError:
            return False
        return health.status_code == httpx.codes.OK

    def bootstrap(self) -> None:
        """Prepare the account for the CDK, once."""
        cloudformation = aws_client("cloudformation", self.endpoint_url, REGION)
        try:
            cloudformation.describe_stacks(StackName="CDKToolkit")
        except ClientError:
            # From a folder without cdk.json: beside one, the CDK synthesizes the whole app first.
            self._cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", cwd=self.state_dir)

    def deploy(self) -> None:
        """Deploy the app and write `stack.json`. A second deployment of the same code changes nothing."""
        outputs = self.state_dir / "outputs.json"
        assembly = self.state_dir / "cdk.out"
        shutil.rmtree(assembly, ignore_errors=True)  # else it keeps the package of every change ever deployed
        self._cdk(
            "deploy", "--all", "--no-validation", "--require-approval", "never", "--method", "direct",
            "--context", "stage=local", "--output", str(assembly), "--outputs-file", str(outputs),
            cwd=ROOT,
        )  # fmt: skip
        self._write_connection(json.loads(outputs.read_text()))

    def _cdk(self, *arguments: str, cwd: Path) -> None:
        log = self.state_dir / "deploy.log"
        with log.open("wb") as output:
            done = subprocess.run(
                [ROOT / "tools" / "cdk", *arguments],
                cwd=cwd,
                env=self._cdk_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode != 0:
            raise LocalStackError(f"cdk {arguments[0]} failed.\n\n{_tail(log)}\n\nThe whole log: {log}")

    def _cdk_environment(self) -> dict[str, str]:
        # Whatever the user has set for the real AWS stays out of it.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return inherited | {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DEFAULT_ACCOUNT": ACCOUNT,
            "CDK_DEFAULT_REGION": REGION,
            "NO_PROXY": HOST,
            "no_proxy": HOST,
            "NO_COLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "",
        }

    def _write_connection(self, outputs: dict[str, dict[str, str]]) -> None:
        data, service = outputs[_DATA_STACK], outputs[_SERVICE_STACK]
        client = aws_client("cognito-idp", self.endpoint_url, REGION).describe_user_pool_client(
            UserPoolId=service["UserPoolId"], ClientId=_first_client(service["ClientIds"])
        )["UserPoolClient"]
        connection = {
            # Without the stage segment the emulator serves the default stage, and no shell trips over `$default`.
            "api_url": f"{self.endpoint_url}/_aws/execute-api/{service['ApiId']}",
            "token_url": f"{self.endpoint_url}/oauth2/token",
            "client_id": client["ClientId"],
            "client_secret": client["ClientSecret"],
            "scopes": service["Scopes"].split(),
            "bus_name": service["BusName"],
            "table_names": {table: data[f"{table.capitalize()}Table"] for table in _TABLES},
            "endpoint_url": self.endpoint_url,
            "region": REGION,
        }
        _write_secret(self.connection_file, connection)

    def stop(self) -> None:
        """Stop the emulator of this `state_dir`, and no other process. Nothing to stop is fine.

        With `keep` it writes its data now, and an impatient end would lose what is new.
        """
        running = _running(self.state_dir)
        if running:
            pid, _ = running
            os.kill(pid, signal.SIGTERM)
            ended = _eventually(lambda: _running(self.state_dir) is None, _STOP_SECONDS)
            # The functions at work share its process group. Nobody is left to hear their answers.
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            if not ended:
                raise LocalStackError(f"The emulator did not end in {_STOP_SECONDS:.0f} s and was killed, unsaved.")
        if self._process:
            self._process.wait()
        self._clear_scratch()


def running_port(state_dir: Path) -> int | None:
    """The port of the emulator that runs from `state_dir`, or None when there is none."""
    running = _running(state_dir)
    return running[1] if running else None


def _running(state_dir: Path) -> tuple[int, int] | None:
    """Process id and port, while the emulator holds the lock: a stale file, or a process id used again, is no proof."""
    try:
        with (state_dir / "ministack.pid").open() as pid_file:
            if _locked(pid_file.fileno()):
                return None
            pid, port = pid_file.read().split()
            return int(pid), int(port)
    except (FileNotFoundError, ValueError):
        return None


def _locked(descriptor: int) -> bool:
    """Whether we got the lock; it is ours until the file is closed, or as long as a process that inherited it lives."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _eventually(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _tail(log: Path, lines: int = 25) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _first_client(client_ids: str) -> str:
    """The id in `till=abc shop=def` that comes first."""
    first, *_ = client_ids.split()
    return first.partition("=")[2]


def _write_secret(path: Path, value: Any) -> None:
    """Replace `path` as a whole, so that nobody reads half of it, readable by its owner only."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        json.dump(value, file, indent=2)
        file.write("\n")
    Path(file.name).replace(path)
