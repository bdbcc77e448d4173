"""A supplier of rewards: a real server on this machine, which answers as a test tells it to."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from standardwebhooks import Webhook

from tests.functional.conftest import SUPPLIER_SECRET, Json

GIVEN = "GC-7731-0042-9918"


@dataclass
class Supplier:
    """`status`, `body`, `headers`: what it answers. `before`: what happens before it does. `seen`: what it was sent."""

    status: int = 200
    body: bytes = json.dumps({"code": GIVEN, "reference": "order-1"}).encode()
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None
    seen: list[Json] = field(default_factory=list)
    url: str = ""

    def answers(self, status: int, body: object = None) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()

    def note(self, path: str, headers: Any, content: bytes) -> None:
        """Raises where the signature is wrong."""
        Webhook(SUPPLIER_SECRET).verify(content, dict(headers.items()))
        self.seen.append({"path": path, "id": headers["webhook-id"], "host": headers["host"], **json.loads(content)})


@contextmanager
def serving() -> Iterator[Supplier]:
    supplier = Supplier()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            supplier.note(self.path, self.headers, self.rfile.read(int(self.headers["content-length"])))
            supplier.before()
            self.send_response(supplier.status)
            for name, value in supplier.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(supplier.body)))
            self.end_headers()
            self.wfile.write(supplier.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    supplier.url = f"http://127.0.0.1:{server.server_port}/cards"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield supplier
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
