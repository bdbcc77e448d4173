"""Links in mails: only we can make them, and each does one thing."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable

import pytest

from functions.runtime import links, outgoing
from functions.runtime.errors import LinkNotFoundError
from functions.runtime.links import Unsubscribe

ADA, GRACE = "mem_aaaaaaaaaaaaaaaaaaaa", "mem_bbbbbbbbbbbbbbbbbbbb"
SECRETS = {"links": "a secret", "others": "another secret"}


@pytest.fixture(autouse=True)
def _deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_URL", "https://api.example.com/")
    monkeypatch.setenv("LINKS_SECRET", "links")
    monkeypatch.setattr(outgoing, "secret", SECRETS.__getitem__)


def a_token(member: str = ADA, channel: str = "email", purpose: str = "account") -> str:
    return links.unsubscribe(member, channel, purpose).rpartition("/")[2]


@pytest.mark.parametrize(("channel", "purpose"), [("email", "account"), ("email", "marketing"), ("sms", "account")])
def test_a_link_says_what_it_was_made_for(channel: str, purpose: str) -> None:
    assert links.read(a_token(ADA, channel, purpose)) == Unsubscribe(ADA, channel, purpose)


def test_a_link_leads_to_the_api_and_can_stand_in_an_address_as_it_is() -> None:
    assert re.fullmatch(
        r"https://api\.example\.com/v1/unsubscribe/mem_[a-z2-7]{20}\.email\.account\.[A-Za-z0-9_-]{22}",
        links.unsubscribe(ADA, "email", "account"),
    )


def test_a_link_is_the_same_whenever_it_is_made() -> None:
    assert a_token() == a_token()


@pytest.mark.parametrize(
    ("part", "other"),
    [(ADA, GRACE), (".email.", ".sms."), (".account.", ".marketing.")],
    ids=["member", "channel", "purpose"],
)
def test_a_link_that_was_changed_is_none(part: str, other: str) -> None:
    with pytest.raises(LinkNotFoundError):
        links.read(a_token().replace(part, other))


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "...",
        "x",
        f"{ADA}.email.account",
        f"{ADA}.email.account.",
        f"{ADA}.email.account.AAAAAAAAAAAAAAAAAAAAAA",
        f"{ADA}.email.account.é",
        f"{ADA}.email.account.x.AAAAAAAAAAAAAAAAAAAAAA",
        "é" * 200,
        "\udcff",
    ],
)
def test_what_we_did_not_make_is_no_link(token: str) -> None:
    with pytest.raises(LinkNotFoundError):
        links.read(token)


@pytest.mark.parametrize("changed", [lambda token: token[:-1], lambda token: f"{token}A", lambda token: token.upper()])
def test_a_link_that_is_not_whole_is_none(changed: Callable[[str], str]) -> None:
    with pytest.raises(LinkNotFoundError):
        links.read(changed(a_token()))


def test_a_link_that_was_made_with_another_secret_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    token = a_token()
    monkeypatch.setenv("LINKS_SECRET", "others")
    with pytest.raises(LinkNotFoundError):
        links.read(token)


def test_what_is_signed_says_what_it_is_for() -> None:
    """So that whatever else comes to be signed with the secret is no link."""
    said = f"{ADA}.email.account"
    bare = hmac.new(b"a secret", said.encode(), hashlib.sha256).digest()[:16]
    with pytest.raises(LinkNotFoundError):
        links.read(f"{said}.{base64.urlsafe_b64encode(bare).decode().rstrip('=')}")
