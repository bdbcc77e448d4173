"""Calls to others: only to where they may go, signed, and over soon whatever the other side does."""

import base64
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import urllib3.connection
from standardwebhooks import Webhook

from functions.runtime import aws, outgoing
from functions.runtime.outgoing import LARGEST_ANSWER, Answer, Heard, UnreachableError, deliver, post, signed
from tests.unit.factories import NOW

KEY = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
CONTENT = {"type": "reward.redeemed", "value": 500, "said": "été"}
HERE = "http://localhost"


@pytest.fixture(autouse=True)
def _this_machine_only(socket_enabled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets, to this machine: no other name is resolved but by what a test says."""
    monkeypatch.setenv("LOCAL_ENDPOINTS", "yes")
    resolves_to(monkeypatch, "127.0.0.1")
    outgoing._trust.cache_clear()


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[object]:
    asked: list[object] = []

    def getaddrinfo(host: str, port: int | None, *more: object, **options: object) -> list[Any]:
        asked.append(host)
        if host in {"127.0.0.1", "::1"}:  # the connection that follows
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        family = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
        return [(one, socket.SOCK_STREAM, 6, "", (address, 0)) for one, address in zip(family, addresses, strict=True)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


class Supplier(BaseHTTPRequestHandler):
    """Answers as a test says, and keeps what it was asked."""

    answer: ClassVar[Callable[[BaseHTTPRequestHandler], None]]
    asked: ClassVar[list[tuple[str, dict[str, str], bytes]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        names = {name.lower(): value for name, value in self.headers.items()}
        self.asked.append((self.path, names, body))
        type(self).answer(self)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """A client that goes away is no error."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def a_supplier(
    answer: Callable[[BaseHTTPRequestHandler], None], tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, Any]]:
    kind = type("Kind", (Supplier,), {"answer": staticmethod(answer), "asked": []})
    server = Server(("127.0.0.1", 0), kind)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"{HERE}:{server.server_port}", kind
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def says(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def asked_of(url: str) -> Answer:
    return post(url, "rdm_1", CONTENT, KEY, NOW)


# --- what is said --------------------------------------------------------------------------------------------------


def test_what_is_sent_is_signed_and_what_is_said_is_heard() -> None:
    with a_supplier(says(200, b'{"code": "ABC", "reference": "9"}')) as (url, supplier):
        answer = asked_of(f"{url}/orders/new?kind=a&b=%20c")
    assert answer == Answer(200, {"code": "ABC", "reference": "9"})
    [(path, headers, body)] = supplier.asked
    assert path == "/orders/new?kind=a&b=%20c"
    assert headers["host"] == url.removeprefix("http://")
    assert (headers["content-type"], headers["user-agent"]) == ("application/json", "fidelio")
    assert headers["webhook-id"] == "rdm_1"
    assert json.loads(body) == CONTENT


def test_the_receiver_can_verify_it_with_the_standard_library_of_webhooks() -> None:
    with a_supplier(says(204)) as (url, supplier):
        post(url, "rdm_1", CONTENT, KEY, datetime.now(UTC))
    [(path, headers, body)] = supplier.asked
    assert path == "/"
    assert Webhook(KEY).verify(body, headers) == CONTENT
    with pytest.raises(Exception, match="No matching signature found"):
        Webhook(KEY).verify(body + b" ", headers)


@pytest.mark.parametrize("body", [b"", b"[1]", b'"text"', b"<html>", b"\xff\xfe", b"null", b"7"])
def test_what_is_no_object_says_nothing(body: bytes) -> None:
    with a_supplier(says(202, body)) as (url, _):
        assert asked_of(url) == Answer(202, {})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_nobody_follows_it(status: int) -> None:
    with a_supplier(says(200)) as (other, elsewhere), a_supplier(says(status, location=f"{other}/x")) as (url, _):
        assert asked_of(url).status == status
        assert elsewhere.asked == []


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_an_error_is_an_answer_and_is_not_asked_again(status: int) -> None:
    with a_supplier(says(status, retry_after="1")) as (url, supplier):
        assert asked_of(url) == Answer(status, {})
        assert len(supplier.asked) == 1


# --- where it may go -----------------------------------------------------------------------------------------------


NOT_PUBLIC = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 - the address is not called
    "192.0.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.1.1",
    "255.255.255.255",
    "::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "ff0e::1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
]
LOOPBACK = ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"]


@pytest.fixture
def _nothing_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("it was called")

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.mark.usefixtures("_nothing_is_called")
@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("local", ["yes", "no"])
@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public_is_never_called(
    address: str, local: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_ENDPOINTS", local)
    resolves_to(monkeypatch, address)
    with pytest.raises(UnreachableError, match="not a public one"):
        asked_of(f"{scheme}://supplier.example/")


@pytest.mark.usefixtures("_nothing_is_called")
@pytest.mark.parametrize("local", [None, "", "no", "true", "YES"])
@pytest.mark.parametrize("address", LOOPBACK)
def test_this_machine_is_not_called_but_where_it_is_allowed(
    address: str, local: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOCAL_ENDPOINTS")
    if local is not None:
        monkeypatch.setenv("LOCAL_ENDPOINTS", local)
    resolves_to(monkeypatch, address)
    for scheme in ("https", "http"):
        with pytest.raises(UnreachableError, match="not a public one"):
            asked_of(f"{scheme}://supplier.example/")


@pytest.mark.usefixtures("_nothing_is_called")
@pytest.mark.parametrize("address", [*NOT_PUBLIC, *LOOPBACK])
@pytest.mark.parametrize("first", [True, False])
def test_a_name_with_one_address_that_is_not_public_is_not_called(
    address: str, first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_ENDPOINTS", "no")
    both = (address, "93.184.215.14") if first else ("93.184.215.14", address)
    resolves_to(monkeypatch, *both)
    with pytest.raises(UnreachableError, match="not a public one"):
        asked_of("https://supplier.example/")


@pytest.mark.usefixtures("_nothing_is_called")
@pytest.mark.parametrize("local", ["yes", "no"])
def test_nobody_else_is_called_without_encryption(local: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_ENDPOINTS", local)
    resolves_to(monkeypatch, "93.184.215.14")
    with pytest.raises(UnreachableError, match="not a public one"):
        asked_of("http://supplier.example/")


@pytest.mark.parametrize(
    ("found", "called"),
    [
        (["93.184.215.14"], "93.184.215.14"),
        (["2606:2800:21f:cb07::1"], "2606:2800:21f:cb07::1"),
        (["2606:2800:21f:cb07::1", "93.184.215.14"], "93.184.215.14"),
        (["93.184.215.14", "2a00::1", "8.8.8.8"], "8.8.8.8"),
    ],
)
def test_the_address_that_was_checked_is_the_one_that_is_called_by_its_name(
    found: list[str], called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older kind of address first: not every function has a way out to the newer one."""
    made: list[Any] = []

    class Connection:
        def __init__(self, host: str, port: int, **more: Any) -> None:
            made.append((host, port, more["server_hostname"], more["assert_hostname"], more["cert_reqs"]))

        def connect(self) -> None:
            raise OSError

        def close(self) -> None:
            pass

    asked = resolves_to(monkeypatch, *found)
    monkeypatch.setattr(urllib3.connection, "HTTPSConnection", Connection)
    for url, port in (("https://supplier.example/", 443), ("https://supplier.example:8443/", 8443)):
        with pytest.raises(UnreachableError, match="OSError"):
            asked_of(url)
        assert made.pop() == (called, port, "supplier.example", "supplier.example", "CERT_REQUIRED")
    assert asked == ["supplier.example"] * 2


def test_a_name_nobody_knows_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UnreachableError, match="the name is not known"):
        asked_of("https://supplier.example/")


@pytest.mark.parametrize("url", ["https://supplier.example:99999/", "https://supplier.example:x/", "https://[::1/"])
def test_an_address_that_is_none_is_not_called(url: str) -> None:
    with pytest.raises(UnreachableError):
        asked_of(url)


def test_what_does_not_speak_tls_is_no_supplier() -> None:
    with a_supplier(says(200)) as (url, supplier), pytest.raises(UnreachableError, match="SSLError"):
        asked_of(url.replace("http", "https"))
    assert supplier.asked == []


CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXKFU86kIhVLyhb2Q
r+0LorltrYzoB1dqBzNjDFTS696hRANCAAQ6dLBW5SU8ZYH5Zxevu8vR1/iaYL2R
Q7K6F+sxCJTyeknEYkpbU2wUihUhYL7+JJOjnM8MykFwIMWNb5JtybCx
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBdzCCARygAwIBAgIBATAKBggqhkjOPQQDAjAbMRkwFwYDVQQDDBBzdXBwbGll
ci5leGFtcGxlMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAbMRkw
FwYDVQQDDBBzdXBwbGllci5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAEOnSwVuUlPGWB+WcXr7vL0df4mmC9kUOyuhfrMQiU8npJxGJKW1NsFIoVIWC+
/iSTo5zPDMpBcCDFjW+SbcmwsaNPME0wGwYDVR0RBBQwEoIQc3VwcGxpZXIuZXhh
bXBsZTAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBTVBG+fCAU5vd63mulgp1K1
wdjddTAKBggqhkjOPQQDAgNJADBGAiEAjuqRXhhnxmvU3I4INeO+2U1lMPjNPgbi
QLTLOwt/Tm0CIQCr0whPJDSGpDOeWi1ZRPTLDKrBhX+9mZlLMTh8qzlUuQ==
-----END CERTIFICATE-----
"""
"""Of supplier.example, signed by nobody: a secret of this test only."""


@contextmanager
def a_supplier_over_tls(file: Path) -> Iterator[tuple[str, Any]]:
    file.write_text(CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with a_supplier(says(200), context) as (url, supplier):
        yield url.rpartition(":")[2], supplier


def test_a_certificate_that_nobody_signed_is_no_proof(tmp_path: Path) -> None:
    with a_supplier_over_tls(tmp_path / "pair.pem") as (port, supplier), pytest.raises(UnreachableError, match="SSL"):
        asked_of(f"https://supplier.example:{port}/")
    assert supplier.asked == []


@pytest.mark.parametrize(("name", "proved"), [("supplier.example", True), ("other.example", False)])
def test_a_certificate_proves_the_name_and_not_the_address(
    name: str, proved: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "pair.pem"))
    with a_supplier_over_tls(tmp_path / "pair.pem") as (port, supplier):
        if proved:
            assert asked_of(f"https://{name}:{port}/").status == 200
            assert supplier.asked[0][1]["host"] == f"{name}:{port}"
        else:
            with pytest.raises(UnreachableError, match="CertificateError"):
                asked_of(f"https://{name}:{port}/")
            assert supplier.asked == []


# --- the other side ------------------------------------------------------------------------------------------------


@pytest.fixture
def _a_short_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "SECONDS", 0.4)


def slowly(*parts: bytes, every: float = 0.1) -> Callable[[BaseHTTPRequestHandler], None]:
    """So many parts, and then the last one for ever, or until the other side has gone."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        try:
            for part in parts:
                request.wfile.write(part)
            for _ in range(60):
                time.sleep(every)
                request.wfile.write(parts[-1])
        except OSError:
            pass

    return answer


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.usefixtures("_a_short_while")
@pytest.mark.parametrize(
    "answer",
    [
        slowly(b"", every=0.1),
        slowly(OK, b"x-slow: a\r\n", every=0.15),
        slowly(OK + b"x-slow: ", b"a", every=0.05),
        slowly(b"H", every=0.05),
        slowly(OK + b"content-length: 1000\r\n\r\n", b"a", every=0.15),
        slowly(OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\na\r\n", every=0.15),
    ],
    ids=["silence", "header by header", "a header letter by letter", "a status", "a body", "chunks"],
)
def test_nobody_is_waited_for_longer_than_a_call_may_take(answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with a_supplier(answer) as (url, _):
        began = time.monotonic()
        with pytest.raises(UnreachableError):
            asked_of(url)
        assert time.monotonic() - began < 1.5


def endless(head: bytes, part: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        try:
            request.wfile.write(head)
            for _ in range(1_000_000_000 // len(part)):
                request.wfile.write(part)
        except OSError:
            pass

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        endless(OK + b"content-length: 1000000000\r\n\r\n", b"a" * 65536),
        endless(OK + b"transfer-encoding: chunked\r\n\r\n", b"10000\r\n" + b"a" * 65536 + b"\r\n"),
        endless(OK, b"x-more: and more\r\n"),
        endless(OK + b"x-long: ", b"a" * 65536),
        endless(b"", b"a" * 65536),
    ],
    ids=["a body", "chunks", "headers", "a header", "no answer at all"],
)
def test_nobody_is_listened_to_for_ever(answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with a_supplier(answer) as (url, _):
        began = time.monotonic()
        with pytest.raises(UnreachableError):
            asked_of(url)
        assert time.monotonic() - began < 4


@pytest.mark.parametrize(("size", "heard"), [(LARGEST_ANSWER, True), (LARGEST_ANSWER + 1, False)])
def test_an_answer_is_as_long_as_anybody_needs_at_most(size: int, heard: bool) -> None:
    body = b'{"code": "A"}'.ljust(size)
    with a_supplier(says(200, body)) as (url, _):
        if heard:
            assert asked_of(url).body == {"code": "A"}
        else:
            with pytest.raises(UnreachableError, match="too long"):
                asked_of(url)


def cut_off(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(OK + b"content-length: 1000\r\n\r\n{}")


@pytest.mark.parametrize("answer", [cut_off, lambda request: None], ids=["cut off", "hung up"])
def test_half_an_answer_is_none(answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with a_supplier(answer) as (url, _), pytest.raises(UnreachableError, match=r"^(ProtocolError|RemoteDisconnected)$"):
        asked_of(url)


def test_where_nobody_listens_nobody_answers() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(UnreachableError, match="NewConnectionError"):
            asked_of(f"{HERE}:{port}")


# --- what is only delivered ------------------------------------------------------------------------------------------


BODY = '{"type":"PointsEarned","said":"été"}'


def delivered(url: str) -> Heard:
    return deliver(url, BODY, signed("mem_a#1", BODY, [KEY], NOW))


def test_what_is_delivered_is_sent_as_it_is_and_of_the_answer_only_the_beginning_counts() -> None:
    with a_supplier(says(204)) as (url, partner):
        assert delivered(f"{url}/in?from=us") == Heard(204)
    [(path, headers, body)] = partner.asked
    assert (path, body.decode(), headers["webhook-id"]) == ("/in?from=us", BODY, "mem_a#1")


def test_whoever_knows_any_of_the_secrets_can_verify() -> None:
    other = "whsec_" + base64.b64encode(b"another secret of 24 or so").decode()
    headers = dict(signed("mem_a#1", BODY, [other, KEY], datetime.now(UTC)))
    first, second = headers["webhook-signature"].split(" ")
    assert first != second
    for key in (other, KEY):
        assert Webhook(key).verify(BODY, headers) == json.loads(BODY)
    with pytest.raises(Exception, match="No matching signature found"):
        Webhook("whsec_" + base64.b64encode(b"a third secret").decode()).verify(BODY, headers)


@pytest.mark.parametrize(
    "answer",
    [
        endless(OK + b"content-length: 1000000000\r\n\r\n", b"a" * 65536),
        endless(OK + b"transfer-encoding: chunked\r\n\r\n", b"10000\r\n" + b"a" * 65536 + b"\r\n"),
        slowly(OK + b"content-length: 1000\r\n\r\n", b"a", every=0.15),
        cut_off,
    ],
    ids=["a gigabyte", "chunks for ever", "letter by letter", "cut off"],
)
def test_a_body_can_neither_hurt_a_delivery_nor_fail_it(answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with a_supplier(answer) as (url, _):
        began = time.monotonic()
        assert delivered(url) == Heard(200)
        assert time.monotonic() - began < 1


@pytest.mark.usefixtures("_a_short_while")
@pytest.mark.parametrize(
    "answer",
    [
        slowly(b"", every=0.1),
        slowly(OK, b"x-slow: a\r\n", every=0.15),
        slowly(OK + b"x-slow: ", b"a", every=0.05),
        endless(OK, b"x-more: and more\r\n"),
        lambda request: None,
    ],
    ids=["silence", "header by header", "a header letter by letter", "headers for ever", "hung up"],
)
def test_an_answer_that_does_not_begin_is_none(answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with a_supplier(answer) as (url, _):
        began = time.monotonic()
        with pytest.raises(UnreachableError):
            delivered(url)
        assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("says_so", "heard"),
    [("120", 120), ("0", 0), ("-1", None), ("soon", None), ("Fri, 21 Nov 2026 10:00:00 GMT", None), ("9" * 30, None)],
)
def test_who_wants_to_be_left_alone_for_a_while_may_say_so_in_seconds(says_so: str, heard: int | None) -> None:
    with a_supplier(says(429, retry_after=says_so)) as (url, _):
        assert delivered(url) == Heard(429, heard)


@pytest.mark.usefixtures("_nothing_is_called")
@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1"])
def test_nothing_is_delivered_to_what_is_not_public(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolves_to(monkeypatch, address)
    with pytest.raises(UnreachableError, match="not a public one"):
        delivered("https://partner.example/")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_delivery_follows_a_redirect(status: int) -> None:
    with a_supplier(says(200)) as (other, elsewhere), a_supplier(says(status, location=f"{other}/x")) as (url, _):
        assert delivered(url) == Heard(status)
        assert elsewhere.asked == []


def test_a_secret_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    class Manager:
        def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - AWS's name
            read.append(SecretId)
            return {"SecretString": KEY}

    monkeypatch.setattr(aws, "secretsmanager", Manager)
    outgoing.secret.cache_clear()
    assert [outgoing.secret("supplier"), outgoing.secret("supplier")] == [KEY, KEY]
    outgoing.secret.cache_clear()
    assert read == ["supplier"]
