"""A supplier of rewards on this machine: a real server that answers as a test has told it to, and remembers."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

Reply: TypeAlias = tuple[int, dict[str, Any]]
HANGS: Reply = (0, {})
LONGER_THAN_ANYBODY_WAITS = 8.0
"""Seconds."""


@dataclass
class Supplier:
    """`script`: what each redemption is answered, call by call, the last one again and again. `asked`: how often each
    was asked for; `heard`: the headers and the body of every call."""

    port: int
    script: dict[str, list[Reply]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, headers: dict[str, str], body: bytes) -> Reply:
        wanted = json.loads(body)["redemption_id"]
        with self._lock:
            self.heard.append((headers, body))
            self.asked[wanted] += 1
            replies = self.script.get(wanted, [(200, {})])
            return replies[min(self.asked[wanted], len(replies)) - 1]


@contextmanager
def supplying() -> Iterator[Supplier]:
    """A supplier on a free port, for as long as it is needed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        supplier = Supplier(probe.getsockname()[1])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, said = supplier.reply({name.lower(): value for name, value in self.headers.items()}, body)
            if status == 0:
                time.sleep(LONGER_THAN_ANYBODY_WAITS)
                return
            content = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", supplier.port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield supplier
    finally:
        server.shutdown()
        server.server_close()
