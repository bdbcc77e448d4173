"""E-mail, phone and card: one form of each, whoever types it how, and nobody else's."""

import re

import pytest

from functions.runtime import tables
from tests.functional.conftest import Service
from tests.functional.people import change, found, join, joined, shown, wrong
from tests.functional.test_races import meanwhile

EMAILS = ["Ada@Example.com", "ADA@EXAMPLE.COM", " ada@example.com ", "ada@ExAmPlE.com"]
PHONES = ["+33 6 12 34 56 78", "+33(0)612345678", "+33-6-12-34-56-78", "+33.6.12.34.56.78", "+33612345678"]


@pytest.mark.parametrize("spelling", EMAILS)
def test_an_email_is_one_and_the_same_in_every_spelling(service: Service, spelling: str) -> None:
    ada = joined(service, email=spelling)

    assert shown(service, ada)["email"] == "ada@example.com"
    for other in EMAILS:
        assert found(service, email=other) == ada
        with service.unchanged():
            answer = join(service, "join-2", email=other)
        assert (answer.status, answer.body["identities"]) == (409, ["email"])


@pytest.mark.parametrize("spelling", PHONES)
def test_a_phone_is_one_and_the_same_in_every_spelling(service: Service, spelling: str) -> None:
    ada = joined(service, phone=spelling)

    assert shown(service, ada)["phone"] == "+33612345678"
    for other in PHONES:
        assert found(service, phone=other) == ada
        with service.unchanged():
            answer = join(service, "join-2", phone=other)
        assert (answer.status, answer.body["identities"]) == (409, ["phone"])


def test_a_domain_with_accents_is_the_same_in_both_its_forms(service: Service) -> None:
    ada = joined(service, email="ada@exämple.com")
    assert found(service, email="ada@xn--exmple-cua.com") == ada
    assert join(service, "join-2", email="ADA@EXÄMPLE.com").body["identities"] == ["email"]


def test_a_changed_identity_is_one_and_the_same_in_every_spelling(service: Service) -> None:
    ada = joined(service)
    grace = joined(service, "join-2", email="grace@example.com")

    assert change(service, ada, "c-1", phone="+33 6 12 34 56 78").body["phone"] == "+33612345678"
    with service.unchanged():
        assert wrong(change(service, grace, "c-2", phone="0612345678")) == [("/phone", "phone")]
    assert change(service, grace, "c-3", phone="+33.612.345.678").body["identities"] == ["phone"]


def test_a_purchase_names_its_member_in_any_spelling(service: Service) -> None:
    ada = joined(service, email="ada@example.com", phone="+33612345678")
    for i, member in enumerate(({"email": "ADA@example.COM"}, {"phone": "+33 6 12 34 56 78"})):
        body = {"id": f"r-{i}", "member": member, "occurred_at": "2026-11-21T10:00:00Z", "currency": "USD"}
        line = {"id": "1", "sku": "lp", "quantity": 1, "amount": 100}
        assert service.post("/v1/purchases", {**body, "lines": [line]}).body["entry"]["id"] == f"{ada}#{i + 1}"


@pytest.mark.parametrize(
    "email",
    [
        *("ada", "ada@", "@example.com", "ada@example", "a b@example.com", "ada@@example.com", "ada@example..com"),
        *("ada@.com", ".ada@example.com", "ada@exam ple.com", "Ada <ada@example.com>", "ada\u0000@example.com"),
        "ada@[127.0.0.1]",
    ],
)
def test_what_can_be_no_email_is_refused(service: Service, email: str) -> None:
    with service.unchanged():
        assert wrong(join(service, email=email)) == [("/email", "email")]


@pytest.mark.parametrize(
    "phone",
    ["0612345678", "+33", "+336123456789012", "+33 1", "+999123456789", "six-one-two", "+33 6 12 34 56 7", "+00000000"],
)
def test_what_is_no_phone_number_of_any_country_is_refused(service: Service, phone: str) -> None:
    with service.unchanged():
        [(pointer, _)] = wrong(join(service, phone=phone))
    assert pointer == "/phone"


def luhn(number: str) -> int:
    """ISO/IEC 7812-1: 0 where the check digit is right."""
    doubled = [int(digit) * (2 if i % 2 else 1) for i, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10


def test_a_card_is_issued_with_a_check_digit(service: Service) -> None:
    cards = [join(service, f"join-{i}", issue_card=True).body["card"] for i in range(20)]
    assert len(set(cards)) == 20
    for card in cards:
        assert re.fullmatch(r"2[0-9]{15}", card)
        assert luhn(card) == 0


def test_an_issued_card_is_an_identity_like_any_other(service: Service) -> None:
    answer = join(service, issue_card=True)
    card, ada = answer.body["card"], answer.body["member_id"]
    assert found(service, card=card) == ada
    assert join(service, "join-2", card=card).body["identities"] == ["card"]

    again = join(service, issue_card=True)
    assert (again.status, again.replayed, again.body) == (201, True, answer.body)


def test_a_card_number_that_somebody_has_already_is_not_issued_again(service: Service) -> None:
    """The number comes from the member's id: seen here by what the same call gave before."""
    first = join(service, issue_card=True).body
    for item in service.items("members"):
        if not item["key"].startswith("I#card"):
            tables.remove("members", {"key": item["key"]})
        else:
            tables.put("members", item | {"member": "mem_aaaaaaaaaaaaaaaaaaaa"})
    tables.remove("accounts", {"member": first["member_id"], "part": "A"})

    second = join(service, issue_card=True)

    assert second.status == 201
    assert second.body["card"] != first["card"]
    assert luhn(second.body["card"]) == 0


def test_a_card_is_given_or_issued_and_not_both(service: Service) -> None:
    with service.unchanged():
        assert wrong(join(service, card="RC-1815", issue_card=True)) == [("", "card")]


def test_a_card_is_shown_with_a_picture_to_scan(service: Service) -> None:
    answer = join(service, issue_card=True)
    card = service.get(f"/v1/members/{answer.body['member_id']}/card")
    assert (card.status, card.body["card"]) == (200, answer.body["card"])
    assert card.body["qr_svg"].startswith("<svg")
    assert read_qr(card.body["qr_svg"]) == answer.body["card"]


def test_a_member_without_a_card_has_none_to_show(service: Service) -> None:
    answer = service.get(f"/v1/members/{joined(service)}/card")
    assert (answer.status, answer.body["code"]) == (404, "card_not_found")


def read_qr(svg: str) -> str:
    """The digits in a QR code of up to 41 modules: the squares of the picture, read as ISO/IEC 18004 says."""
    dark = squares(svg)
    size = max(row for row, _ in dark) + 1
    assert size in {21, 25}, "a version that has no more than one block of error correction"
    bits = [(dark_at ^ masked(mask_of(dark), at)) for at, dark_at in walk(dark, size)]
    mode, rest = bits[:4], bits[4:]
    assert mode == [0, 0, 0, 1], "numeric"
    count, rest = value(rest[:10]), rest[10:]
    digits = ""
    while len(digits) < count:
        take = min(3, count - len(digits))
        width = {3: 10, 2: 7, 1: 4}[take]
        digits += f"{value(rest[:width]):0{take}}"
        rest = rest[width:]
    return digits


def value(bits: list[int]) -> int:
    return int("".join(map(str, bits)), 2)


def squares(svg: str) -> set[tuple[int, int]]:
    """The dark modules, by row and column from the corner of the code; the picture draws them as lines."""
    [path] = re.findall(r'<path[^>]* d="([^"]*)"', svg)
    dark: set[tuple[int, int]] = set()
    x, y = 0.0, 0.0
    for command, arguments in re.findall(r"([Mmh])([-0-9. ]*)", path):
        numbers = [float(one) for one in re.findall(r"-?[0-9.]+", arguments)]
        if command == "h":
            dark |= {(int(y), int(x) + i) for i in range(int(numbers[0]))}
            x += numbers[0]
        else:
            x, y = (numbers[0], numbers[1]) if command == "M" else (x + numbers[0], y + numbers[1])
    top, left = min(row for row, _ in dark), min(column for _, column in dark)
    assert top == left == 4, "the quiet zone"
    return {(row - top, column - left) for row, column in dark}


def mask_of(dark: set[tuple[int, int]]) -> int:
    """Bits 10 to 12 of the format information, which is itself masked with 101010000010010."""
    return value([int((8, column) in dark) for column in (2, 3, 4)]) ^ 0b101


def masked(mask: int, at: tuple[int, int]) -> int:
    i, j = at
    rules = [
        (i + j) % 2,
        i % 2,
        j % 3,
        (i + j) % 3,
        (i // 2 + j // 3) % 2,
        (i * j) % 2 + (i * j) % 3,
        ((i * j) % 2 + (i * j) % 3) % 2,
        ((i + j) % 2 + (i * j) % 3) % 2,
    ]
    return int(rules[mask] == 0)


def walk(dark: set[tuple[int, int]], size: int) -> list[tuple[tuple[int, int], int]]:
    """The modules that carry data, in their order: in pairs of columns from the right, up and down by turns."""
    columns = [column for column in range(size - 1, 0, -2) if column > 6] + [5, 3, 1]
    ways = [range(size) if turn % 2 else range(size - 1, -1, -1) for turn in range(len(columns))]
    path = [(row, at) for right, way in zip(columns, ways, strict=True) for row in way for at in (right, right - 1)]
    return [(place, int(place in dark)) for place in path if not is_function(*place, size)]


def is_function(row: int, column: int, size: int) -> bool:
    corner = (row < 9 and column < 9) or (row < 9 and column >= size - 8) or (row >= size - 8 and column < 9)
    aligned = size > 21 and abs(row - (size - 7)) <= 2 and abs(column - (size - 7)) <= 2
    return corner or aligned or row == 6 or column == 6


@pytest.mark.parametrize("kind", ["email", "phone", "card"])
@pytest.mark.parametrize("first", ["ada", "grace"])
def test_of_two_who_want_one_identity_exactly_one_gets_it_and_nobody_loses_any(
    service: Service, monkeypatch: pytest.MonkeyPatch, kind: str, first: str
) -> None:
    members = {
        "ada": joined(service, "ada", email="ada@example.com", phone="+33612345678", card="RC-1815"),
        "grace": joined(service, "grace", email="grace@example.com", phone="+33612345679", card="RC-1906"),
    }
    wanted = {"email": "both@example.com", "phone": "+33612345670", "card": "RC-0000"}[kind]
    second = "grace" if first == "ada" else "ada"
    before = {name: shown(service, member) for name, member in members.items()}
    meanwhile(monkeypatch, lambda: change(service, members[first], "first", **{kind: wanted}))

    loser = change(service, members[second], "second", **{kind: wanted})

    assert (loser.status, loser.body["code"], loser.body["identities"]) == (409, "member_exists", [kind])
    assert shown(service, members[first]) == {**before[first], kind: wanted}
    assert shown(service, members[second]) == before[second]
    assert found(service, **{kind: wanted}) == members[first]
    assert found(service, **{kind: before[second][kind]}) == members[second]
    assert found(service, **{kind: before[first][kind]}) is None


def test_of_two_changes_of_one_member_both_are_made(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = joined(service)
    meanwhile(monkeypatch, lambda: change(service, ada, "first", email="first@example.com", given_name="Ada"))

    answer = change(service, ada, "second", email="second@example.com", family_name="King")

    assert answer.status == 200
    assert [shown(service, ada)[name] for name in ("email", "given_name", "family_name")] == [
        "second@example.com",
        "Ada",
        "King",
    ]
    taken = {address: found(service, email=f"{address}@example.com") for address in ("ada", "first", "second")}
    assert taken == {"ada": None, "first": None, "second": ada}


def test_identities_are_swapped_by_way_of_a_third(service: Service) -> None:
    ada, grace = joined(service), joined(service, "join-2", email="grace@example.com")

    assert change(service, ada, "c-1", email="grace@example.com").status == 409
    assert change(service, ada, "c-2", email="third@example.com").status == 200
    assert change(service, grace, "c-3", email="ada@example.com").status == 200
    assert change(service, ada, "c-4", email="grace@example.com").status == 200

    assert found(service, email="grace@example.com") == ada
    assert found(service, email="ada@example.com") == grace
    assert found(service, email="third@example.com") is None


def test_one_person_who_joins_twice_at_once_joins_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    body: dict[str, object] = {"email": "ada@example.com", "phone": "+33612345678"}
    meanwhile(monkeypatch, lambda: join(service, "first", **body))
    answer = join(service, "second", **body)
    assert (answer.status, answer.body["identities"]) == (409, ["email", "phone"])
    assert len([item for item in service.items("members") if item["key"].startswith("M#")]) == 1


def test_one_enrolment_that_comes_twice_at_once_is_one(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    meanwhile(monkeypatch, lambda: join(service, issue_card=True))
    answer = join(service, issue_card=True)
    assert (answer.status, answer.replayed) == (201, True)
    assert len(service.items("accounts")) == 1


def test_another_partner_may_name_an_identity_that_the_member_has_already(service: Service) -> None:
    ada = joined(service, email="ada@example.com", external_id="till-1")
    answer = change(service, ada, client="shop-client", email="ada@example.com", given_name="Ada")
    assert (answer.status, answer.body["given_name"]) == (200, "Ada")
    assert found(service, email="ada@example.com") == ada


def test_a_partner_gives_and_takes_only_its_own_id_of_a_member(service: Service) -> None:
    ada = joined(service, email="ada@example.com", external_id="42")

    assert change(service, ada, "c-1", client="shop-client", external_id="4711").status == 200
    assert found(service, external_id="42") == ada
    assert change(service, ada, "c-2", client="shop-client", external_id=None).status == 200

    assert found(service, external_id="42") == ada
    looked = service.call("GET", "/v1/members", client="shop-client", query={"external_id": "4711"})
    assert looked.status == 404
