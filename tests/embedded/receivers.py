"""Endpoints of partners on this machine: one server whose paths behave well, or badly in every way there is."""

import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

LONGER_THAN_ANYBODY_WAITS = 7.0
SLOW = 1.5
"""Seconds."""
GIGABYTE = 1024**3
_PART = b"a" * 65536


@dataclass
class Receivers:
    """`secrets`: by path, those that a call may be signed with. `heard`: by path, how often each event came.

    `forged`: calls that no secret verifies. `repaired`: paths that behave well from now on.
    """

    port: int = 0
    secrets: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    heard: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    forged: list[str] = field(default_factory=list)
    repaired: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def note(self, path: str, headers: dict[str, str], body: bytes) -> None:
        verified = any(_verifies(secret, headers, body) for secret in self.secrets[path])
        with self.lock:
            if verified:
                self.heard[path][headers["webhook-id"]] += 1
            else:
                self.forged.append(path)

    def got(self, path: str) -> set[str]:
        with self.lock:
            return set(self.heard[path])

    def duplicates(self, path: str) -> int:
        with self.lock:
            return self.heard[path].total() - len(self.heard[path])


def _verifies(secret: str, headers: dict[str, str], body: bytes) -> bool:
    try:
        content = Webhook(secret).verify(body, headers)
    except Exception:  # noqa: BLE001  whatever it is, it is no proof
        return False
    return bool(content["metadata"]["event_id"] == headers["webhook-id"])


class _Server(ThreadingHTTPServer):
    """Many call at once, and a caller that goes away is no error."""

    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receivers]:
    receivers = Receivers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receivers.note(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            path = "/good" if self.path in receivers.repaired else self.path
            {"/hangs": self._hang, "/huge": self._be_huge, "/slow": self._be_slow}.get(path, self._answer)(path)

        def _answer(self, path: str) -> None:
            self.send_response({"/errors": 500, "/gone": 410, "/redirects": 302}.get(path, 204))
            if path == "/redirects":
                self.send_header("location", "http://169.254.169.254/latest/meta-data/")
            self.send_header("content-length", "0")
            self.end_headers()

        def _hang(self, _path: str) -> None:
            time.sleep(LONGER_THAN_ANYBODY_WAITS)

        def _be_slow(self, path: str) -> None:
            time.sleep(SLOW)
            self._answer(path)

        def _be_huge(self, _path: str) -> None:
            self.send_response(200)
            self.send_header("content-length", str(GIGABYTE))
            self.end_headers()
            for _ in range(GIGABYTE // len(_PART)):
                self.wfile.write(_PART)

        def log_message(self, *_: Any) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    receivers.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receivers
    finally:
        server.shutdown()
        server.server_close()


def nobodys_url() -> str:
    """Where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/refuses"
