"""Calls to others over HTTPS: to a public address only, signed, without redirects, and never for long.

The address is resolved once, checked, and then called, so that a name cannot point elsewhere a moment later. In the
local stack an address on this machine may be called as well (`LOCAL_ENDPOINTS`).
"""

import ipaddress
import json
import socket
import time
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from functions.runtime import aws, settings

SECONDS = 5.0
"""How long a call may take altogether, name resolution left out."""
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
    import urllib3
    from standardwebhooks import Webhook

    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    headers = {
        "content-type": "application/json",
        "user-agent": "fidelio",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(key).sign(message_id, at, body),
    }
    parts = urlsplit(url)
    host = parts.hostname or ""
    address = _address(parts.scheme, host, parts.port)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    limits = {"timeout": urllib3.Timeout(connect=2, read=SECONDS, total=SECONDS), "retries": False, "maxsize": 1}
    pool: urllib3.HTTPConnectionPool
    if parts.scheme == "https":
        tls = {"server_hostname": host, "assert_hostname": host}
        pool = urllib3.HTTPSConnectionPool(address, parts.port or 443, **tls, **limits)  # type: ignore[arg-type]
    else:
        pool = urllib3.HTTPConnectionPool(address, parts.port or 80, **limits)  # type: ignore[arg-type]
    named = host if parts.port is None else f"{host}:{parts.port}"
    try:
        with pool:
            answer = pool.urlopen(
                "POST", path, body.encode(), {**headers, "host": named}, redirect=False, preload_content=False
            )
            return Answer(answer.status, _said(_read(answer)))
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise UnreachableError(type(error).__name__) from None


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
    return min(found)


def _read(answer: Any) -> bytes:
    """The body, as far as anybody needs it, and as long as anybody waits."""
    until = time.monotonic() + SECONDS
    parts: list[bytes] = []
    size = 0
    while part := answer.read1(8192):
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER or time.monotonic() > until:
            raise UnreachableError("the answer is too long, or too slow")
    return b"".join(parts)


def _said(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
