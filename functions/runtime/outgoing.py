"""Calls to others over HTTPS: to a public address only, signed, without redirects, and never for long.

The address is resolved once, checked, and then called, so that a name cannot point elsewhere a moment later. In the
local stack an address on this machine may be called as well (`LOCAL_ENDPOINTS`).
"""

import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from functions.runtime import aws, settings

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection

SECONDS = 5.0
"""How long a call may take altogether, name resolution left out."""
_TO_CONNECT = 2.0
LARGEST_ANSWER = 64 * 1024
_DIGITS = 7


class UnreachableError(Exception):
    """There was no answer: a name or an address that may not be called, no connection, too slow, or too much."""


class Answer(NamedTuple):
    """What came back. `body`: what it says as JSON object; empty where it says none."""

    status: int
    body: Mapping[str, Any]


class Heard(NamedTuple):
    """How an answer began; nobody listened to the rest. `retry_after`: in so many seconds, where it says so."""

    status: int
    retry_after: int | None = None


Result = TypeVar("Result")
Hear = Callable[[Any, float], Result]


@cache
def secret(name: str) -> str:
    """A secret by its name, read once by a warm function."""
    return aws.secretsmanager().get_secret_value(SecretId=name)["SecretString"]


def post(url: str, message_id: str, content: Mapping[str, object], key: str, at: datetime) -> Answer:
    """Send JSON, signed with `key` as Standard Webhooks has it. Raises UnreachableError."""
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return _call(url, body, signed(message_id, body, [key], at), _whole)


def deliver(url: str, body: str, headers: Mapping[str, str]) -> Heard:
    """Send a text that is signed already, and hang up as soon as the answer has begun. Raises UnreachableError.

    Touches nothing that threads share, so that several may call at once.
    """
    return _call(url, body, headers, _beginning)


def signed(message_id: str, body: str, keys: Sequence[str], at: datetime) -> Mapping[str, str]:
    """The headers of a signed text. With several keys there is a signature by each: who knows any one can verify it."""
    from standardwebhooks import Webhook

    return {
        "content-type": "application/json",
        "user-agent": "fidelio",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(message_id, at, body) for key in keys),
    }


def _call(url: str, body: str, headers: Mapping[str, str], hear: Hear[Result]) -> Result:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise UnreachableError("the address is none") from None
    connection = _connection(parts.scheme, _address(parts.scheme, host, port), host, port)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    named = host if port is None else f"{host}:{port}"
    return _ask(connection, path, body.encode(), {**headers, "host": named}, hear)


def _connection(scheme: str, address: str, host: str, port: int | None) -> "HTTPConnection":
    from urllib3.connection import HTTPConnection, HTTPSConnection

    if scheme != "https":
        return HTTPConnection(address, port or 80, timeout=_TO_CONNECT)
    tls = {"server_hostname": host, "assert_hostname": host, "cert_reqs": "CERT_REQUIRED", "ssl_context": _trust()}
    return HTTPSConnection(address, port or 443, timeout=_TO_CONNECT, **tls)  # type: ignore[arg-type]


@cache
def _trust() -> ssl.SSLContext:
    """Who may sign a certificate: read once by a warm function, for to read it takes longer than many a call."""
    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_default_certs()
    return context


def _ask(
    connection: "HTTPConnection", path: str, body: bytes, headers: Mapping[str, str], hear: Hear[Result]
) -> Result:
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
            return hear(connection.getresponse(), until)
        finally:
            over.cancel()
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


def _beginning(answer: Any, until: float) -> Heard:
    """What was hung up on looks as if its headers had ended."""
    if time.monotonic() > until:
        raise UnreachableError("the answer is too slow")
    waits = str(answer.headers.get("retry-after", ""))
    return Heard(answer.status, int(waits) if waits.isascii() and waits.isdigit() and len(waits) < _DIGITS else None)


def _whole(answer: Any, until: float) -> Answer:
    return Answer(answer.status, _said(_read(answer, until)))


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
