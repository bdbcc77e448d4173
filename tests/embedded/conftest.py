"""A stack of its own for these tests: deployed as to AWS, on a free port, gone when they end."""

import os
import re
import socket
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from cli import programs
from cli.connection import Connection
from cli.local_stack import HOST, LocalStack
from tests.embedded.partner import Partner, until

_LOG = pytest.StashKey[Path]()
_WRONG = re.compile(r'"level":"(WARNING|ERROR|CRITICAL)"|errorMessage|Traceback|Rate Exceeded|timed out')
_LINES, _HEAD, _TAIL = 15, 120, 500


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """The programme, freshly deployed; or the one that FIDELIO_STACK=path/to/stack.json names, left as it is found."""
    if running := os.environ.get("FIDELIO_STACK"):
        with closing(Connection.read(Path(running))) as connection:
            yield connection
        return
    local = LocalStack(tmp_path_factory.mktemp("stack"), _free_port())
    request.config.stash[_LOG] = local.log
    try:
        local.start()
        local.bootstrap()
        local.deploy()
        with closing(Connection.read(local.connection_file)) as connection:
            yield connection
    finally:
        local.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside a failure stands what went wrong in the stack: a test sees only what did not come."""
    report = yield
    if report.failed and (log := item.config.stash.get(_LOG, None)):
        wrong = [line for line in log.read_text(errors="replace").splitlines() if _WRONG.search(line)][-_LINES:]
        report.sections.append(("What went wrong in the stack of late", "\n".join(map(_shortened, wrong))))
    return report


def _shortened(line: str) -> str:
    """What is at the end of a traceback says most."""
    return line if len(line) <= _HEAD + _TAIL else f"{line[:_HEAD]} ... {line[-_TAIL:]}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def partner(stack: Connection) -> Partner:
    """A partner of the record shop, whose programme is in force."""
    programs.put_in_force(stack, programs.READY)
    return Partner(stack, source="record.shop")


@pytest.fixture(scope="module")
def quiet_member(partner: Partner) -> str:
    """A member at a moment when nothing moves any more, so that whole tables can be compared."""
    member = partner.enrol()

    def still() -> bool:
        before = partner.tables()
        time.sleep(5)
        return partner.tables() == before

    until(still, "the tables to come to rest")
    return member


@pytest.fixture(scope="session")
def reader_token(stack: Connection) -> str:
    """A token that may only read members."""
    return _token(stack, "loyalty/members.read")


@pytest.fixture(scope="session")
def form_token(stack: Connection) -> str:
    """A token that may enrol and report, and not read members."""
    return _token(stack, "loyalty/members.write loyalty/earning.write")


def _token(stack: Connection, scopes: str) -> str:
    answer = httpx.post(
        stack.token_url,
        data={"grant_type": "client_credentials", "scope": scopes},
        auth=(stack.client_id, stack.client_secret),
        trust_env=False,
    )
    token: str = answer.raise_for_status().json()["access_token"]
    return token
