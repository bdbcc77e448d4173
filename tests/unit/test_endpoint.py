"""Endpoints of partners: where events may be sent, which, and what signs them."""

import base64
from datetime import timedelta

import pytest

from functions.webhooks.catalogue import INTERNAL, TOLD
from functions.webhooks.endpoint import MOST_SECRETS, OVERLAP, Endpoint, refusal_of, secret_of, webhook_id
from tests.contract.schemas import OUTBOUND
from tests.unit.factories import NOW

ENDPOINT = Endpoint("whk_aaaaaaaaaaaaaaaaaaaa", "https://shop.example/", None, None, NOW, "hash")


def test_every_event_is_either_for_partners_or_for_ourselves() -> None:
    assert sorted([*TOLD, *INTERNAL]) == sorted(OUTBOUND)
    assert len(TOLD) == len(set(TOLD))


@pytest.mark.parametrize(
    ("types", "wanted"), [(None, True), (frozenset({"TierChanged"}), True), (frozenset({"PointsEarned"}), False)]
)
def test_an_endpoint_wants_what_it_named_or_everything(types: frozenset[str] | None, wanted: bool) -> None:
    endpoint = Endpoint("whk_a", "https://shop.example/", types, None, NOW, "hash")
    assert endpoint.wants("TierChanged") is wanted


# --- the address ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "https://shop.example/in/here?kind=a&b=%20c",
        "https://shop.example:8443/",
        "https://93.184.215.14/",
        "https://[2606:2800:21f:cb07::1]/",
        "HTTPS://SHOP.EXAMPLE/",
        "https://xn--caf-dma.example/",
    ],
)
@pytest.mark.parametrize("local", [True, False])
def test_a_public_address_may_be_called(url: str, local: bool) -> None:
    assert refusal_of(url, local=local) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "https://",
        "https:///path",
        "https://[::1/",
        "https://shop.example:99999/",
        "https://shop.example:x/",
        "https://shop.example/a b",
        "https://shop.example/\n",
        "https://café.example/",
        "https://ada@shop.example/",
        "https://ada:secret@shop.example/",
        "https://shop.example/#part",
        "https://shop.example/#",
        "http://shop.example/",
        "ftp://shop.example/",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1]/",
    ],
)
@pytest.mark.parametrize("local", [True, False])
def test_what_cannot_be_called_is_refused_with_a_reason(url: str, local: bool) -> None:
    assert refusal_of(url, local=local)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9:8080", "[::1]:80", "localhost", "shop.localhost"])
def test_this_machine_may_be_called_only_where_that_is_allowed(scheme: str, host: str) -> None:
    assert refusal_of(f"{scheme}://{host}/", local=True) is None
    assert refusal_of(f"{scheme}://{host}/", local=False)
    assert refusal_of(f"ftp://{host}/", local=True)


# --- secrets -------------------------------------------------------------------------------------------------------


def test_a_registration_has_an_id_of_its_own_and_a_repeat_the_same() -> None:
    assert webhook_id("till", "key-1") == webhook_id("till", "key-1")
    ids = {webhook_id(source, key) for source in ("till", "shop") for key in ("key-1", "key-2")}
    assert len(ids) == 4
    assert webhook_id("a", "b#c") != webhook_id("a#b", "c")


def test_each_endpoint_has_a_secret_of_its_own_at_each_rotation() -> None:
    secrets = {
        secret_of(master, webhook, generation)
        for master in ("one", "two")
        for webhook in ("whk_a", "whk_b")
        for generation in (1, 2)
    }
    assert len(secrets) == 8
    assert {len(base64.b64decode(secret.removeprefix("whsec_"))) for secret in secrets} == {32}


def test_the_secret_before_signs_for_a_day_more() -> None:
    rotated = ENDPOINT.rotated(NOW)
    assert ENDPOINT.signing(NOW) == [1]
    assert rotated.signing(NOW) == [2, 1]
    assert rotated.signing(NOW + OVERLAP - timedelta(seconds=1)) == [2, 1]
    assert rotated.signing(NOW + OVERLAP) == [2]


def test_who_rotates_twice_can_still_verify_with_the_secret_of_before_both() -> None:
    """The answer to the first call may have been lost."""
    twice = ENDPOINT.rotated(NOW).rotated(NOW + timedelta(hours=1))
    assert twice.signing(NOW + timedelta(hours=2)) == [3, 2, 1]
    assert twice.signing(NOW + OVERLAP) == [3, 2]
    assert twice.rotated(NOW + 2 * OVERLAP).retired == ((3, NOW + 3 * OVERLAP),)


def test_there_are_never_many_signatures() -> None:
    endpoint = ENDPOINT
    for _ in range(20):
        endpoint = endpoint.rotated(NOW)
    assert endpoint.signing(NOW) == list(range(21, 21 - MOST_SECRETS, -1))
