"""Calls to others over HTTPS: to a public address only, signed, without redirects, and never for long.

The address is resolved once, checked, and then called, so that a name cannot point elsewhere a moment later. In the
local stack an address on this machine may be called as well (`LOCAL_ENDPOINTS`).
"""

import ipaddress
import json
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from functions.runtime import aws, settings

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection

SECONDS = 5.0
"""How long a call may take altogether, name resolution left out."""
_TO_CONNECT = 2.0
LARGEST_ANSWER = 64 * 1024


class UnreachableError(Exception):
    """There was no answer: a name or an address that may not be called, no connection, too slow, or too much."""


class Answer(NamedTuple):
    """What came back. `body`: what it says as JSON object; empty where it says none."""

    status: int
    body: Mapping[str, Any]


@cache
def secret(name: str) -> str:
    """A secret by its name, read once by a warm function."""
    return aws.secretsmanager().get_secret_value(SecretId=name)["SecretString"]


def post(url: str, message_id: str, content: Mapping[str, object], key: str, at: datetime) -> Answer:
    """Send JSON, signed with `key` as Standard Webhooks has it. Raises UnreachableError."""
    from standardwebhooks import Webhook

    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    headers = {
        "content-type": "application/json",
        "user-agent": "fidelio",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(key).sign(message_id, at, body),
    }
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise UnreachableError("the address is none") from None
    connection = _connection(parts.scheme, _address(parts.scheme, host, port), host, port)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    named = host if port is None else f"{host}:{port}"
    return _ask(connection, path, body.encode(), {**headers, "host": named})


def _connection(scheme: str, address: str, host: str, port: int | None) -> "HTTPConnection":
    from urllib3.connection import HTTPConnection, HTTPSConnection

    if scheme != "https":
        return HTTPConnection(address, port or 80, timeout=_TO_CONNECT)
    tls = {"server_hostname": host, "assert_hostname": host, "cert_reqs": "CERT_REQUIRED"}
    return HTTPSConnection(address, port or 443, timeout=_TO_CONNECT, **tls)  # type: ignore[arg-type]


def _ask(connection: "HTTPConnection", path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Hangs up when the time is over: the time limit of a socket is for each piece that comes, and starts anew."""
    from urllib3.exceptions import HTTPError

    until = time.monotonic() + SECONDS
    try:
        connection.connect()
        over = threading.Timer(until - time.monotonic(), _hang_up, [connection.sock])
        over.start()
        try:
            connection.timeout = SECONDS
            connection.request("POST", path, body, headers, preload_content=False)
            answer = connection.getresponse()
            said = _read(answer, until)
        finally:
            over.cancel()
        return Answer(answer.status, _said(said))
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        raise UnreachableError(type(error).__name__) from None
    finally:
        connection.close()


def _hang_up(on: socket.socket) -> None:
    with suppress(OSError):  # the other side has gone already
        on.shutdown(socket.SHUT_RDWR)


def _address(scheme: str, host: str, port: int | None) -> str:
    """The one address that is called. Raises UnreachableError where any of the name's addresses is not public."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        raise UnreachableError("the name is not known") from None
    local = settings.local_endpoints()
    for address in found:
        one = ipaddress.ip_address(address.partition("%")[0])
        public = one.is_global and not one.is_multicast and scheme == "https"
        if not public and not (local and one.is_loopback):
            raise UnreachableError("the address is not a public one")
    return min(found, key=lambda address: (":" in address, address))  # a function may have no way out over IPv6


def _read(answer: Any, until: float) -> bytes:
    """The body, as far as anybody needs it, and as long as anybody waits. What was hung up on may look whole."""
    parts: list[bytes] = []
    size = 0
    while part := answer.read1(8192):
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER:
            raise UnreachableError("the answer is too long")
    if time.monotonic() > until:
        raise UnreachableError("the answer is too slow")
    return b"".join(parts)


def _said(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
