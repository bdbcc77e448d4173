"""`loyalty import members`: every mistake is found before anything is sent, everything comes in once, and what came in
is what the file says, to the point."""

import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli.app import app
from cli.errors import ExplainedError
from cli.importing.journal import JournalError
from cli.importing.members.checking import Into, checked
from cli.importing.members.reading import MembersFileError, read
from cli.importing.members.report import show
from cli.importing.members.running import Report, Wanted, imported
from cli.importing.sending import TRIES
from cli.programs import read_text
from functions.accrual.contract import AdjustmentIn
from functions.enrolment.contract import MemberIn, PreferencesIn

Json = dict[str, Any]
TEXT = """program: club
name: {en: Club, fr: Club}
currency: EUR
time_zone: Europe/Paris
points:
  expire: EXPIRE
members:
  attributes: {shoe_size: number, vegan: yes_no, shop: text}
  JOINING
tiers:
  window: year
  held: next_window
  levels:
    - id: basic
      text: {en: Basic, fr: Base}
    - id: gold
      text: {en: Gold, fr: Or}
      reach: [{spend: 100000}]
rewards: []
earning:
  - id: euro
    text: {en: A point per euro, fr: Un point par euro}
    points: 1
    per: 100
"""


def text_of(*, expire: str = "never", joining: str = "complete: [email]") -> str:
    return TEXT.replace("EXPIRE", expire).replace("JOINING", joining)


class Killed(BaseException):
    """The process ended here."""


class Club:
    """A programme in memory that keeps the promises of the members' calls, or breaks them.

    `before` and `after` hear of the n-th call, from 0: what they answer or raise comes of the call instead.
    """

    def __init__(self, text: str = "") -> None:
        self.text = text or text_of()
        self.members: dict[str, Json] = {}
        self.lots: dict[str, Counter[str]] = {}
        self.tiers: dict[str, str] = {}
        self.entries: dict[str, list[Json]] = {}
        self.done: dict[tuple[str, str], Json] = {}
        self.consents: dict[str, list[Json]] = {}
        self.before: Callable[[int, httpx.Request], httpx.Response | None] = lambda n, request: None
        self.after: Callable[[int, httpx.Request], httpx.Response | None] = lambda n, request: None
        self.calls = 0
        self.writes: list[str] = []
        self._lock = threading.Lock()

    def api(self) -> httpx.Client:
        return httpx.Client(base_url="https://example.com", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            if request.url.path == "/v1/program":
                return httpx.Response(200, json={"version": 1, "text": self.text})
            n, self.calls = self.calls, self.calls + 1
            return self.before(n, request) or self._carry_out(request, n)

    def _carry_out(self, request: httpx.Request, n: int) -> httpx.Response:
        _, _, _, *rest = request.url.path.split("/")
        if request.method != "GET":
            self.writes.append(f"{request.method} {rest[-1] if rest else 'members'}")
        match request.method, rest:
            case "POST", []:
                answer = self._enrol(request)
            case "POST", [member, "adjustments"]:
                answer = self._adjust(member, request)
            case "PUT", [member, "preferences"]:
                answer = self._prefer(member, request)
            case "GET", []:
                answer = self._find(request)
            case "GET", [member, "balance"]:
                answer = self._balance(member)
            case "GET", [member, "ledger"]:
                answer = self._ledger(member, request)
            case _:
                raise AssertionError(request.url.path)
        return self.after(n, request) or answer

    def _enrol(self, request: httpx.Request) -> httpx.Response:
        body, key = json.loads(request.content), request.headers["Idempotency-Key"]
        assert len(key) == len("import-") + 40
        MemberIn.model_validate(body)
        if (known := self.done.get(("member", key))) is not None:
            if known != body:
                return problem(422, "operation_id_reused")
            return httpx.Response(201, json={"member_id": self._id(key)}, headers={"Idempotency-Replayed": "true"})
        identities = ("external_id", "card", "email", "phone")
        if any(body.get(kind) and body[kind] == one.get(kind) for one in self.members.values() for kind in identities):
            return problem(409, "member_exists")
        self.done["member", key] = body
        member = self._id(key)
        self.members[member], self.lots[member], self.entries[member] = body, Counter(), []
        return httpx.Response(201, json={"member_id": member})

    def _id(self, key: str) -> str:
        return f"mem_{key[7:27]}"

    def _adjust(self, member: str, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        AdjustmentIn.model_validate(body)
        if (known := self.done.get(("adjustment", body["id"]))) is not None:
            return problem(422, "operation_id_reused") if known != body else httpx.Response(201, json={})
        self.done["adjustment", body["id"]] = body
        self.book(member, body)
        return httpx.Response(201, json={})

    def book(self, member: str, body: Json, kind: str = "adjustment") -> None:
        day = body.get("expires_on", "never")
        if body.get("points"):
            self.lots[member][day] += body["points"]
        if "tier" in body:
            self.tiers[member] = body["tier"]
        lots = [lot(day, body["points"])] if "points" in body else []
        facts = {"reason": "x"} | ({"tier": body["tier"]} if "tier" in body else {})
        operation = {"kind": kind, "id": body["id"], "source": "till"}
        self.entries[member].append({"operation": operation, "lots": lots, "explanation": [{"facts": facts}]})

    def _prefer(self, member: str, request: httpx.Request) -> httpx.Response:
        body, key = json.loads(request.content), request.headers["Idempotency-Key"]
        PreferencesIn.model_validate(body)
        known = self.done.setdefault(("change", key), body)
        if known is body:
            self.consents[member] = body["consents"]
            operation = {"kind": "change", "id": key, "source": "till"}
            self.entries[member].append({"operation": operation, "lots": [], "explanation": []})
        return httpx.Response(200, json={}) if known == body else problem(422, "operation_id_reused")

    def _find(self, request: httpx.Request) -> httpx.Response:
        [(kind, value)] = request.url.params.items()
        for member, body in self.members.items():
            if body.get(kind) == value:
                return httpx.Response(200, json={"member_id": member})
        return problem(404, "member_not_found")

    def _balance(self, member: str) -> httpx.Response:
        if member not in self.members:
            return problem(404, "member_not_found")
        today = datetime.now(UTC).date().isoformat()
        lots = [lot(day, points) for day, points in self.lots[member].items() if day >= today and points]
        sheet = {"active": 0, "debt": 0, "lots": lots, "tier": self.tiers.get(member, "basic")}
        return httpx.Response(200, json=sheet | {"n": len(self.entries[member])})

    def _ledger(self, member: str, request: httpx.Request) -> httpx.Response:
        start = int(request.url.params.get("cursor", 0))  # pages of two
        items = self.entries[member][start : start + 2]
        following = str(start + 2) if start + 2 < len(self.entries[member]) else None
        return httpx.Response(200, json={"items": items, "next_cursor": following})

    def state(self) -> object:
        """All that there is, in a form to compare."""
        return (
            sorted(json.dumps(body, sort_keys=True) for body in self.members.values()),
            {member: dict(lots) for member, lots in self.lots.items()},
            self.tiers,
            self.consents,
            {member: len(entries) for member, entries in self.entries.items()},
        )

    def of(self, external_id: str) -> str:
        return next(member for member, body in self.members.items() if body.get("external_id") == external_id)


def lot(day: str, points: int) -> Json:
    return {"expires_on": None if day == "never" else day, "points": points}


def problem(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "detail": f"It is {code}.", "errors": []})


HEADER = (
    "key,external_id,email,phone,given_name,birth_date,country,segments,attributes.shoe_size,attributes.vegan,tier,"
    "tier_until,points,points_expire_on,lots,consents"
)


def a_row(i: int, **other: str) -> str:
    """Member i: 100 + i points that never end, 50 to the end of 2098, 7 to the end of 2099; every third is gold."""
    cells = dict.fromkeys(HEADER.split(","), "") | {
        "external_id": f"c-{i}",
        "email": f"c{i}@example.com",
        "phone": f"+336{i + 10_000_000:08}",
        "given_name": "Zoë",
        "birth_date": "1990-05-01",
        "country": "FR",
        "segments": "staff;parents",
        "attributes.shoe_size": "42",
        "attributes.vegan": "yes",
        "tier": "gold" if i % 3 == 0 else "",
        "tier_until": "2099-12-31" if i % 3 == 0 else "",
        "points": str(100 + i),
        "lots": "2098-12-31:50;2099-12-31:7",
        "consents": "email/marketing;sms/marketing" if i % 2 else "",
    }
    return ",".join((cells | other).values())


def a_file(folder: Path, rows: int = 12, **wrong: str) -> Path:
    file = folder / "members.csv"
    file.write_text("\n".join([HEADER, *(a_row(i) for i in range(rows)), ""]))
    return file


def run(club: Club, file: Path, **options: Any) -> tuple[Report, str]:
    """One import; its report, and all that it printed."""
    pause = options.pop("pause", lambda seconds: None)
    options.setdefault("wording", "privacy-2026-01")
    wanted = Wanted(file, options.pop("at", "till at https://example.com"), "till", **options)
    console = Console(file=io.StringIO(), width=200)
    report = imported(club.api(), wanted, console, pause)
    show(report, console)
    assert isinstance(console.file, io.StringIO)
    return report, console.file.getvalue()


def errors_of(file: Path) -> list[Json]:
    path = Path(f"{file}.errors.ndjson")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def journal_of(file: Path) -> Path:
    return Path(f"{file}.progress")


# What comes in


def test_a_member_comes_in_with_everything(tmp_path: Path) -> None:
    club, file = Club(), tmp_path / "members.csv"
    file.write_text(f"{HEADER}\n{a_row(3)}\n")
    report, told = run(club, file)
    assert report.good, told
    [(member, body)] = club.members.items()
    assert body == {
        "external_id": "c-3",
        "email": "c3@example.com",
        "phone": "+33610000003",
        "given_name": "Zoë",
        "birth_date": "1990-05-01",
        "country": "FR",
        "segments": ["staff", "parents"],
        "attributes": {"shoe_size": 42, "vegan": True},
        "imported": True,
    }
    assert club.lots[member] == {"never": 103, "2098-12-31": 50, "2099-12-31": 7}
    assert club.tiers[member] == "gold"
    given = {"given": True, "how": "import", "wording": "privacy-2026-01", "purpose": "marketing"}
    assert club.consents[member] == [{"channel": channel} | given for channel in ("email", "sms")]
    adjustments = [body for (kind, _), body in club.done.items() if kind == "adjustment"]
    assert [{name: value for name, value in one.items() if name != "id"} for one in adjustments] == [
        {"reason": "opening-balance", "tier": "gold", "tier_until": "2099-12-31"},
        {"reason": "opening-balance", "points": 103},
        {"reason": "opening-balance", "points": 50, "expires_on": "2098-12-31"},
        {"reason": "opening-balance", "points": 7, "expires_on": "2099-12-31"},
    ]
    assert "c-3" not in json.dumps([one["id"] for one in adjustments])
    assert not journal_of(file).exists()
    assert not errors_of(file)


def test_a_line_of_json_means_the_same_as_a_row(tmp_path: Path) -> None:
    csv, ndjson = Club(), Club()
    run(csv, a_file(tmp_path, 1))
    file = tmp_path / "members.ndjson"
    line = {
        "external_id": "c-0",
        "email": "C0@EXAMPLE.com",
        "phone": "+33 6 10 00 00 00",
        "given_name": "Zoë",
        "birth_date": "1990-05-01",
        "country": "FR",
        "segments": ["staff", "parents"],
        "attributes": {"shoe_size": 42, "vegan": True},
        "tier": "gold",
        "tier_until": "2099-12-31",
        "lots": {"never": 100, "2098-12-31": 50, "2099-12-31": 7},
    }
    file.write_text("\n" + json.dumps(line) + "\n")
    report, told = run(ndjson, file)
    assert report.good, told
    assert ndjson.state() == csv.state()


def test_a_lot_of_nothing_is_none(tmp_path: Path) -> None:
    club, file = Club(), tmp_path / "members.csv"
    file.write_text("external_id,points,lots\nc-1,0,2099-01-01:0\nc-2,,\n")
    assert run(club, file)[0].good
    assert club.writes == ["POST members"] * 2


def test_points_may_have_their_last_day_in_a_column(tmp_path: Path) -> None:
    club, file = Club(text_of(expire="{after_months: 12}")), tmp_path / "members.csv"
    file.write_text("external_id,points,points_expire_on\nc-1,5,2099-01-01\n")
    assert run(club, file)[0].good
    assert club.lots[club.of("c-1")] == {"2099-01-01": 5}


def test_the_tier_comes_before_the_points(tmp_path: Path) -> None:
    club = Club()
    run(club, a_file(tmp_path, 1))
    tiers = ["tier" in body for (kind, _), body in club.done.items() if kind == "adjustment"]
    assert tiers == [True, False, False, False]


# What is wrong with a file

WRONG: list[tuple[Json, str, str]] = [
    ({"external_id": "a b"}, "external_id", "string_pattern_mismatch"),
    ({"email": "nobody"}, "email", "email"),
    ({"phone": "0612345678"}, "phone", "phone"),
    ({"given_name": "x" * 101}, "given_name", "string_too_long"),
    ({"birth_date": "1850-01-01"}, "birth_date", "birth_date"),
    ({"birth_date": "2199-01-01"}, "birth_date", "future"),
    ({"country": "XX"}, "country", "country"),
    ({"segments": "Not so"}, "segments", "string_pattern_mismatch"),
    ({"attributes.shoe_size": "large"}, "attributes.shoe_size", "attribute_type"),
    ({"attributes.vegan": "maybe"}, "attributes.vegan", "attribute_type"),
    ({"external_id": "", "email": "", "phone": ""}, "", "identity_missing"),
    ({"external_id": "c-0"}, "external_id", "shared"),
    ({"email": "C0@example.com"}, "email", "shared"),
    ({"phone": "+33 6 10 00 00 00"}, "phone", "shared"),
    ({"key": "k"}, "key", "shared"),
    ({"key": "k" * 201}, "key", "key"),
    ({"points": "12.5"}, "points", "whole_number"),
    ({"points": "-5"}, "points", "negative"),
    ({"points": "20000000", "lots": ""}, "points", "less_than_equal"),
    ({"points": "", "points_expire_on": "2099-01-01"}, "points_expire_on", "nothing"),
    ({"points_expire_on": "tomorrow"}, "points_expire_on", "day"),
    ({"points_expire_on": "2020-01-01"}, "points_expire_on", "past"),
    ({"lots": "2020-01-01:5"}, "lots", "past"),
    ({"lots": "2099-02-30:5"}, "lots", "day"),
    ({"lots": "2099-02-28"}, "lots", "whole_number"),
    ({"lots": "2099-02-28:20000000"}, "lots", "less_than_equal"),
    ({"lots": "2099-02-28:5;2099-02-28:6"}, "lots", "lot_twice"),
    ({"lots": "never:5"}, "lots", "lot_twice"),
    ({"tier": "platinum", "tier_until": ""}, "tier", "unknown_tier"),
    ({"tier": "", "tier_until": "2099-01-01"}, "tier_until", "nothing"),
    ({"tier": "gold", "tier_until": "2020-01-01"}, "tier_until", "past"),
    ({"tier": "gold", "tier_until": "soon"}, "tier_until", "day"),
    ({"consents": "email"}, "consents", "literal_error"),
    ({"consents": "fax/marketing"}, "consents", "literal_error"),
]


def planted(folder: Path, rows: int) -> tuple[Path, set[tuple[int, str, str]]]:
    """A file with every kind of mistake, spread over it; and where each is."""
    lines, expected = [a_row(i, key=f"k{i}" if i else "k") for i in range(rows)], set()
    gap = (rows - 10) // len(WRONG)
    for n, (cells, column, code) in enumerate(WRONG):
        i = 5 + n * gap
        lines[i] = a_row(i, **cells)
        expected.add((i + 2, column, code))
    lines.append("only,three,cells")
    expected.add((rows + 2, "", "wrong_width"))
    file = folder / "members.csv"
    file.write_text("\n".join([HEADER, *lines, ""]))
    return file, expected


def test_every_mistake_is_found_with_its_line(tmp_path: Path) -> None:
    file, expected = planted(tmp_path, 2_000)
    club = Club()
    started = time.perf_counter()
    report, told = run(club, file, dry_run=True)
    assert time.perf_counter() - started < 20  # a tenth of that on a laptop
    found = {(one.line, one.field, one.code) for one in report.mistakes}
    assert found == expected
    assert len(report.mistakes) == len(expected)
    assert {(one["line"], one["field"], one["code"]) for one in errors_of(file)} == expected
    assert all(f"{line} " in told for line, _, _ in expected)
    assert not report.good
    assert club.calls == 0


def test_with_a_mistake_nothing_is_sent(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path)
    file.write_text(file.read_text() + a_row(99, points="x") + "\n")
    report, told = run(club, file)
    assert club.calls == 0
    assert not report.good
    assert "Nothing was sent" in told
    assert not journal_of(file).exists()
    file.write_text(file.read_text().replace(a_row(99, points="x"), a_row(99)))
    assert run(club, file)[0].good
    assert not errors_of(file)


def test_a_row_tells_all_its_mistakes_at_once(tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text(f"{HEADER}\n{a_row(1, email='x', phone='y', points='z', tier='iron', lots='2020-01-01:1')}\n")
    report, _ = run(Club(), file, dry_run=True)
    assert {one.field for one in report.mistakes} == {"email", "phone", "points", "tier", "lots"}


def test_a_row_with_other_mistakes_still_shares_what_is_good_of_it(tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    wrong = a_row(2, email="C1@EXAMPLE.com", phone="+33 6 10 00 00 01", points="x", country="XX")
    file.write_text("\n".join([HEADER, a_row(1), wrong, a_row(2, external_id="c-9", email=""), ""]))
    report, _ = run(Club(), file, dry_run=True)
    assert {(one.line, one.field, one.code) for one in report.mistakes} == {
        (3, "country", "country"),
        (3, "points", "whole_number"),
        (3, "email", "shared"),
        (3, "phone", "shared"),
    }


def test_a_good_file_is_said_to_be_good_and_not_sent(tmp_path: Path) -> None:
    club = Club()
    report, told = run(club, a_file(tmp_path), dry_run=True)
    assert report.good
    assert club.calls == 0
    assert "Every row can be imported" in told
    assert f"{12 * 157 + sum(range(12)):,}" in told


def test_points_without_a_last_day_need_a_programme_where_they_never_end(tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text("external_id,points,lots\nc-1,5,\nc-2,,never:5\nc-3,,2099-01-01:5\n")
    report, _ = run(Club(text_of(expire="{after_months: 12}")), file, dry_run=True)
    assert [(one.line, one.field, one.code) for one in report.mistakes] == [
        (2, "points", "no_last_day"),
        (3, "lots", "no_last_day"),
    ]


def test_who_may_not_join_is_told_before(tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text("external_id,country,birth_date\nc-1,FR,1990-01-01\nc-2,DE,1990-01-01\nc-3,FR,2090-01-01\n")
    club = Club(text_of(joining="joining: {countries: [FR], minimum_age: 18}"))
    report, _ = run(club, file, dry_run=True)
    assert {(one.line, one.code) for one in report.mistakes} == {
        (3, "joining_refused"),
        (4, "joining_refused"),
        (4, "future"),
    }


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        ("{", "", "not_json"),
        ("[]", "", "not_an_object"),
        ('{"external_id": "a", "colour": 1}', "colour", "unknown_column"),
        ('{"external_id": 5}', "external_id", "string_type"),
        ('{"external_id": "a", "lots": [5]}', "lots", "shape"),
        ('{"external_id": "a", "lots": {"never": "many"}}', "lots", "whole_number"),
        ('{"external_id": "a", "lots": {"never": true}}', "lots", "whole_number"),
        ('{"external_id": "a", "lots": {"never": 1, "never": 2}}', "never", "twice"),
        ('{"external_id": "a", "attributes": 5}', "attributes", "shape"),
        ('{"external_id": "a", "attributes": {"hat": "big"}}', "attributes.hat", "unknown_attribute"),
        ('{"external_id": "a", "consents": [1]}', "consents", "shape"),
        ('{"external_id": "a", "segments": 5}', "segments", "tuple_type"),
        ('{"external_id": "a", "points": 5, "points_expire_on": 2099}', "points_expire_on", "day"),
        ('{"external_id": "a", "tier": 5}', "tier", "string_type"),
        ('{"external_id": "a", "key": 5}', "key", "key"),
    ],
)
def test_a_line_of_json_that_is_wrong_is_told(tmp_path: Path, line: str, column: str, code: str) -> None:
    file = tmp_path / "members.ndjson"
    file.write_text('{"external_id": "good"}\n' + line + "\n")
    report, _ = run(Club(), file, dry_run=True)
    assert [(one.line, one.field, one.code) for one in report.mistakes] == [(2, column, code)]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("members.txt", "x", "not a .csv"),
        ("members.csv", "", "holds no members"),
        ("members.csv", "externalid\nc\n", "did you mean external_id"),
        ("members.csv", "email,email\nc,d\n", "there twice"),
        ("members.csv", 'external_id\n"c\n', "quote is not closed"),
    ],
)
def test_a_file_that_makes_no_sense_is_told(tmp_path: Path, name: str, text: str, why: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(MembersFileError, match=why):
        run(Club(), file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(MembersFileError, match="could not be read"):
        run(Club(), tmp_path / "members.csv")


def test_consents_need_a_wording(tmp_path: Path) -> None:
    club = Club()
    with pytest.raises(ExplainedError, match="--wording"):
        run(club, a_file(tmp_path), wording=None)
    assert club.calls == 0


def test_the_keys_of_a_row_stay_the_same_whatever_its_line(tmp_path: Path) -> None:
    into = Into("till", datetime.now(UTC), "w", read_text(text_of(), "club"))
    file = a_file(tmp_path, 3)
    ids = [one.id for one in checked(read(file), into).arrivals]
    file.write_text("\n".join([HEADER, a_row(2, email="C2@EXAMPLE.com"), a_row(1, key="other"), a_row(0), ""]))
    again = [one.id for one in checked(read(file), into).arrivals]
    assert again[0] == ids[2]
    assert again[2] == ids[0]
    assert again[1] not in ids
    file.write_text("\n".join([HEADER, a_row(7, key="other"), a_row(8, key="another"), ""]))
    assert [one.id == again[1] for one in checked(read(file), into).arrivals] == [True, False]


# Once, whatever happens


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path)
    run(club, file)
    before = club.state()
    report, told = run(club, file)
    assert club.state() == before
    assert (report.brought, report.repeats) == (12, 12)
    assert report.good, told


@pytest.mark.parametrize("answered", [True, False])
def test_killed_at_any_call_the_next_run_goes_on(tmp_path: Path, answered: bool) -> None:
    whole, file = Club(), a_file(tmp_path, 4)
    run(whole, file, callers=1)
    assert whole.calls > 20
    for k in range(whole.calls):
        club = Club()

        def kill(n: int, request: httpx.Request, k: int = k) -> None:
            if n == k:
                raise Killed

        club.before, club.after = (club.before, kill) if answered else (kill, club.after)
        with pytest.raises(Killed):
            run(club, file, callers=1)
        kept = journal_of(file)
        done = len(kept.read_text().splitlines()) - 1 if kept.exists() else 0
        club.before = club.after = lambda n, request: None
        writes = len(club.writes)
        report, told = run(club, file, callers=3)
        assert report.good, told
        assert club.state() == whole.state()
        if kept.exists() or done:
            assert len(club.writes) - writes < len(whole.writes)
        assert not journal_of(file).exists()


def test_a_journal_that_ends_anywhere_is_gone_on_with(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path, 6)
    club.before = lambda n, request: problem(409, "odd") if b"c-5" in request.content else None
    run(club, file, callers=1)
    journal = journal_of(file).read_bytes()
    assert journal.count(b"\n") == 6
    club.before = lambda n, request: None
    for end in range(0, len(journal), 29):
        journal_of(file).write_bytes(journal[:end])
        enrolled = club.writes.count("POST members")
        report, _ = run(club, file)
        assert club.writes.count("POST members") - enrolled == 6 - max(0, journal[:end].count(b"\n") - 1)
        assert report.good


@pytest.mark.parametrize("change", ["file", "at", "wording"])
def test_a_journal_of_another_import_is_dropped(tmp_path: Path, change: str) -> None:
    club, file = Club(), a_file(tmp_path, 4)
    club.before = lambda n, request: problem(409, "odd") if b"c-2" in request.content else None
    run(club, file)
    club.before = lambda n, request: None
    other: Json = {"at": "shop at elsewhere"} if change == "at" else {}
    if change == "wording":
        other = {"wording": "privacy-2027"}
    if change == "file":
        file.write_text(file.read_text() + a_row(50) + "\n")
    _, told = run(club, file, **other)
    assert "is of another import" in told


def test_two_imports_of_a_file_do_not_run_at_once(tmp_path: Path) -> None:
    club, file, other = Club(), a_file(tmp_path), Club()

    def another(n: int, request: httpx.Request) -> None:
        if n == 0:
            with pytest.raises(JournalError, match="Another import"):
                run(other, file)

    club.before = another
    assert run(club, file)[0].good
    assert other.calls == 0


def test_ctrl_c_ends_and_the_next_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    club, file = Club(), a_file(tmp_path, 30)
    half = threading.Event()

    def tire(n: int, request: httpx.Request) -> httpx.Response | None:
        if n == 60:
            half.set()
        return httpx.Response(503) if n >= 60 else None

    club.before = tire

    def interrupted(callers: object, return_when: object) -> None:
        half.wait(10)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cli.importing.members.running.wait", interrupted)
        report, told = run(club, file, callers=2, pause=None)  # pauses that Ctrl-C cuts short
    assert report.stopped == "Interrupted."
    assert club.calls <= 60 + 4, "nobody tries again"
    assert report.brought > 0
    assert report.reconciled is None
    assert report.open > 0
    assert "it goes on" in told
    club.before = lambda n, request: None
    report, told = run(club, file)
    assert report.good
    assert "Going on: " in told


# What goes wrong on the way


@pytest.mark.parametrize("fault", [429, 500, 503, "lost", "cut"])
def test_a_call_that_fails_is_made_again(tmp_path: Path, fault: str | int) -> None:
    whole, file = Club(), a_file(tmp_path, 5)
    run(whole, file)
    club, hit = Club(), set[bytes]()

    def fail(n: int, request: httpx.Request) -> httpx.Response | None:
        name = request.method.encode() + request.url.raw_path + request.content
        if name in hit:
            return None
        hit.add(name)
        if isinstance(fault, int):
            return httpx.Response(fault, headers={"Retry-After": "1"})
        raise httpx.ReadTimeout("slow")

    club.before, club.after = (club.before, fail) if fault == "cut" else (fail, club.after)
    report, told = run(club, file)
    assert report.good, told
    assert club.state() == whole.state()


def test_pauses_heed_the_server(tmp_path: Path) -> None:
    club, waited = Club(), list[float]()
    club.before = lambda n, request: httpx.Response(429, headers={"Retry-After": "7"}) if n < 2 else None
    run(club, a_file(tmp_path, 1), pause=waited.append, callers=1)
    assert waited == [7, 7]


def test_where_nothing_answers_the_import_stops(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path)
    club.before = lambda n, request: httpx.Response(503)
    report, _ = run(club, file, callers=1)
    assert report.stopped is not None
    assert "took nothing" in report.stopped
    assert club.calls == TRIES
    assert (report.open, report.reconciled) == (12, None)


def test_one_member_without_an_answer_keeps_no_other_waiting(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path)
    sent = threading.Event()

    def fail(n: int, request: httpx.Request) -> httpx.Response | None:
        if b'"c-4"' in request.content:
            return httpx.Response(503)
        if b'"c-11"' in request.content:
            sent.set()
        return None

    club.before = fail
    report, _ = run(club, file, callers=3, pause=lambda seconds: sent.wait(5))
    assert (report.brought, report.open, report.stopped) == (11, 1, None)
    assert not report.good
    club.before = lambda n, request: None
    assert run(club, file)[0].good


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_what_will_never_go_through_ends_it(tmp_path: Path, status: int) -> None:
    club, file = Club(), a_file(tmp_path)
    club.before = lambda n, request: httpx.Response(status) if "adjustments" in request.url.path else None
    report, _ = run(club, file, callers=1)
    assert report.stopped is not None
    assert f"was refused: {status}" in report.stopped
    assert not report.good


@pytest.mark.parametrize("step", ["members", "adjustments", "preferences"])
def test_who_is_refused_is_told_and_the_others_come_in(tmp_path: Path, step: str) -> None:
    club, file = Club(), a_file(tmp_path)
    victim = "mem_none"

    def refuse(n: int, request: httpx.Request) -> httpx.Response | None:
        mine = b'"c-7"' in request.content if step == "members" else victim in request.url.path
        return problem(409, "member_suspended") if mine and request.url.path.endswith(step) else None

    def learn(n: int, request: httpx.Request) -> None:
        nonlocal victim
        if b'"c-7"' in request.content:
            victim = club.of("c-7")

    club.before, club.after = refuse, learn
    report, told = run(club, file)
    assert (report.brought, report.open) == (11, 0)
    [refused] = report.refused
    assert (refused.line, refused.code) == (9, "member_suspended")
    assert refused.field == {"members": "member", "adjustments": "points", "preferences": "consents"}[step]
    assert errors_of(file)[0]["line"] == 9
    assert not report.good
    assert "Line numbers and reasons" in told
    club.before = lambda n, request: None
    assert run(club, file)[0].good


def test_who_is_a_member_already_is_told(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path, 3)
    club.members["mem_before"] = {"email": "c1@example.com"}
    club.lots["mem_before"], club.entries["mem_before"] = Counter(), []
    report, _ = run(club, file)
    assert [(one.line, one.code) for one in report.refused] == [(3, "member_exists")]


def test_a_row_that_was_changed_after_it_came_in_books_nothing_twice(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path, 3)
    run(club, file)
    before = club.state()
    file.write_text(file.read_text().replace("2098-12-31:50", "2098-12-31:60", 1))
    report, told = run(club, file)
    assert club.state() == before
    assert [(one.line, one.code) for one in report.refused] == [(2, "operation_id_reused")]
    assert "nothing was booked twice" in told


def test_an_answer_that_is_none_ends_it(tmp_path: Path) -> None:
    club = Club()
    club.before = lambda n, request: httpx.Response(201, json={"hello": 1})
    report, _ = run(club, a_file(tmp_path))
    assert report.stopped is not None
    assert "cannot be read" in report.stopped


def test_a_mistake_of_ours_is_not_swallowed(tmp_path: Path) -> None:
    club = Club()

    def broken(n: int, request: httpx.Request) -> None:
        raise ZeroDivisionError

    club.before = broken
    with pytest.raises(ZeroDivisionError):
        run(club, a_file(tmp_path))


# To the point


def wrong_by(report: Report) -> dict[str, int]:
    assert report.reconciled is not None
    return {line.what.strip(): line.difference for line in report.reconciled.lines if line.difference}


def differing(report: Report) -> list[tuple[int, str]]:
    assert report.reconciled is not None
    return [(one.line, one.field) for one in report.reconciled.differing]


def test_a_doubled_point_is_found(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path)
    run(club, file)
    club.lots[club.of("c-4")]["2098-12-31"] += 1
    report, told = run(club, file, reconcile=True)
    assert wrong_by(report) == {"points": 1, "lot 2098-12-31": 1}
    assert differing(report) == [(6, "lots")]
    assert "has 51, expected 50, difference +1" in told
    assert not report.good
    assert errors_of(file)[0]["key"] == "external_id c-4"


def test_a_lost_point_is_found(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path)
    run(club, file)
    club.lots[club.of("c-4")]["never"] -= 1
    report, _ = run(club, file, reconcile=True)
    assert wrong_by(report) == {"points": -1, "lot never": -1}
    assert differing(report) == [(6, "lots")]
    assert not report.good


@pytest.mark.parametrize("to", ["c-5", "c-4"])
def test_a_moved_point_is_found(tmp_path: Path, to: str) -> None:
    club, file = Club(), a_file(tmp_path)
    run(club, file)
    club.lots[club.of("c-4")]["never"] -= 1
    club.lots[club.of(to)]["never" if to == "c-5" else "2099-12-31"] += 1
    report, _ = run(club, file, reconcile=True)
    assert wrong_by(report) == ({} if to == "c-5" else {"lot 2099-12-31": 1, "lot never": -1})
    assert differing(report) == ([(6, "lots"), (7, "lots")] if to == "c-5" else [(6, "lots"), (6, "lots")])
    assert not report.good


def test_a_lost_member_and_a_wrong_tier_are_found(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path)
    run(club, file)
    del club.members[club.of("c-5")]
    club.tiers[club.of("c-3")] = "basic"
    club.tiers[club.of("c-4")] = "gold"
    report, _ = run(club, file, reconcile=True)
    assert differing(report) == [(5, "tier"), (6, "tier"), (7, "members")]
    assert wrong_by(report)["members"] == -1
    assert not report.good


def test_what_differs_is_found_at_the_end_of_the_import_too(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path)

    def lose(n: int, request: httpx.Request) -> httpx.Response | None:
        lost = b'"points": 104' in request.content.replace(b'"points":104', b'"points": 104')
        return httpx.Response(201, json={}) if lost else None

    club.before = lose
    report, _ = run(club, file)
    assert report.brought == 12
    assert wrong_by(report) == {"points": -104, "lot never": -104}
    assert not report.good


def test_reconciling_sends_nothing(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path)
    run(club, file)
    writes = len(club.writes)
    report, told = run(club, file, reconcile=True, wording=None)
    assert report.good, told
    assert len(club.writes) == writes
    assert "Reconciliation" in told


def test_what_members_did_since_is_no_difference(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path)
    run(club, file)
    gold, plain = club.of("c-3"), club.of("c-5")
    club.book(gold, {"id": "r1", "points": 999}, kind="purchase")
    club.book(gold, {"id": "a1", "points": -30, "expires_on": "2098-12-31"})
    club.book(plain, {"id": "t1", "tier": "gold"}, kind="tier")
    report, told = run(club, file, reconcile=True)
    assert report.good, told
    assert "2 accounts hold more than the import" in told
    # And of these a lot that did not come is still missed.
    club.entries[gold] = [one for one in club.entries[gold] if not one["operation"]["id"].endswith("-2098-12-31")]
    report, _ = run(club, file, reconcile=True)
    assert wrong_by(report) == {"points": -50, "lot 2098-12-31": -50}


def test_a_read_that_is_behind_is_made_again(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path, 2)
    run(club, file)
    gold = club.of("c-0")
    club.book(gold, {"id": "r1", "points": 999}, kind="purchase")
    late = dict.fromkeys(("balance", "ledger"), True)

    def behind(n: int, request: httpx.Request) -> httpx.Response | None:
        what = request.url.path.split("/")[-1]
        if gold not in request.url.path or not late.pop(what, False):
            return None
        if what == "ledger":
            return httpx.Response(200, json={"items": club.entries[gold][2:], "next_cursor": None})
        return httpx.Response(200, json={"active": 0, "lots": [], "tier": None, "n": 1})

    club.before = behind
    report, told = run(club, file, reconcile=True)
    assert report.good, told
    assert not late


def test_the_totals_of_the_other_system_are_the_measure(tmp_path: Path) -> None:
    club, file, control = Club(), a_file(tmp_path), tmp_path / "control.json"
    points = 12 * 157 + 66
    lots = {"never": 1266, "2098-12-31": 600, "2099-12-31": 84}
    right = {"members": 12, "points": points, "lots": lots, "tiers": {"gold": 4}}
    control.write_text(json.dumps(right))
    assert run(club, file, control=control)[0].good
    for wrong in ({"members": 13}, {"points": 1}, {"lots": lots | {"never": 1}}, {"tiers": {"gold": 4, "basic": 1}}):
        control.write_text(json.dumps(right | wrong))
        other = Club()
        report, told = run(other, file, control=control)
        assert not report.good
        assert other.calls == 0, "nothing is sent where the file is not what it should be"
        assert "do not agree" in told
        assert not run(club, file, control=control, reconcile=True)[0].good
    control.write_text('{"points": 1.5}')
    with pytest.raises(ExplainedError, match="no control file"):
        run(club, file, control=control)


def test_lots_that_have_ended_since_are_left_out(tmp_path: Path) -> None:
    club, file = Club(), tmp_path / "members.csv"
    file.write_text("external_id,lots\nc-1,2099-01-01:5;2099-01-02:7\n")
    run(club, file)
    file.write_text("external_id,lots\nc-1,2020-01-01:5;2099-01-02:7\n")  # as if years had passed
    club.lots[club.of("c-1")]["2020-01-01"] = club.lots[club.of("c-1")].pop("2099-01-01")
    report, told = run(club, file, reconcile=True)
    assert report.good, told
    assert "ended since: 2020-01-01" in told


def test_balances_that_cannot_be_fetched_are_not_called_right(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path, 3)
    club.before = lambda n, request: httpx.Response(503) if "balance" in request.url.path else None
    report, _ = run(club, file, callers=1)
    assert (report.brought, report.reconciled) == (3, None)
    assert report.stopped is not None
    assert not report.good


def test_one_balance_that_cannot_be_fetched_is_enough(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path)
    run(club, file)
    path, *later = [f"/v1/members/{club.of(f'c-{i}')}/balance" for i in range(4, 12)]
    since, stuck = list[int](), list[int]()
    asked, others = threading.Event(), threading.Event()

    def fail(n: int, request: httpx.Request) -> httpx.Response | None:
        if request.url.path == path:
            since.append(n)
            stuck.append(threading.get_ident())
            asked.set()
            return httpx.Response(503)
        if not since and request.url.path in later:  # else the other caller may have nothing left to ask by then
            return httpx.Response(503)
        if since and n > since[0] + 3:  # the other caller has got answers meanwhile
            others.set()
        return None

    def pause(seconds: float) -> None:
        (others if threading.get_ident() in stuck else asked).wait(5)

    club.before = fail
    report, _ = run(club, file, reconcile=True, callers=2, pause=pause)
    assert report.stopped is not None
    assert "some balances could not be fetched" in report.stopped
    assert report.reconciled is None


def test_what_everybody_gets_who_joins_is_told(tmp_path: Path) -> None:
    text = (
        text_of()
        .replace("earning:", "groups: {base: all}\nearning:")
        .replace("- id: euro", "- id: euro\n    group: base")
    )
    text += "  - id: welcome\n    group: base\n    text: {en: Hi, fr: Salut}\n    on: enrolled\n    points: 50\n"
    _, told = run(Club(text), a_file(tmp_path), dry_run=True, welcome=True)
    assert "to these members too: welcome" in told
    _, told = run(Club(text), a_file(tmp_path), dry_run=True)
    assert "to these members too" not in told, "they get nothing of it"


def test_who_is_to_be_welcomed_comes_in_as_a_newcomer(tmp_path: Path) -> None:
    club = Club()
    assert run(club, a_file(tmp_path, 3), welcome=True)[0].good
    assert [body.get("imported", False) for body in club.members.values()] == [False] * 3


def test_a_run_with_the_other_choice_begins_anew_and_changes_nothing(tmp_path: Path) -> None:
    club, file = Club(), a_file(tmp_path, 3)
    club.before = lambda n, request: httpx.Response(503) if n > 7 else None
    run(club, file, callers=1)
    assert journal_of(file).exists()
    club.before = lambda n, request: None
    report, told = run(club, file, welcome=True)
    assert "is of another import" in told
    assert {one.code for one in report.refused} == {"operation_id_reused"}


def test_an_invitation_comes_with_its_row(tmp_path: Path) -> None:
    club, file = Club(text_of(joining="joining: {invite_codes: [friend]}")), tmp_path / "members.csv"
    file.write_text("external_id,invite_code\nc-1,friend\n")
    assert run(club, file)[0].good
    assert [body["invite_code"] for body in club.members.values()] == ["friend"]
    file.write_text("external_id,invite_code\nc-2,stranger\nc-3,\n")
    report, _ = run(club, file)
    assert [(one.line, one.code) for one in report.mistakes] == [(2, "joining_refused"), (3, "joining_refused")]


def test_the_command_fails_unless_all_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Deployed:
        client_id, api_url = "till", "https://example.com"

        def __init__(self, club: Club) -> None:
            self.api = club.api()

    club, file = Club(), a_file(tmp_path)
    monkeypatch.setattr("cli.importing.command.deployed", lambda: Deployed(club))

    def command(*options: str) -> tuple[int, str]:
        found = CliRunner().invoke(app, ["import", "members", str(file), *options], env={"COLUMNS": "200"})
        return found.exit_code, found.output

    worded = ("--wording", "v1")
    assert command("--dry-run", *worded)[0] == 0
    assert command()[0] == 1
    code, output = command(*worded)
    assert code == 0, output
    assert "to the point" in output
    assert command("--reconcile")[0] == 0
    club.lots[club.of("c-1")]["never"] += 1
    assert command("--reconcile")[0] == 1
    assert command("--reconcile", "--dry-run")[0] == 2
    file.write_text(file.read_text().replace("Zoë", "Z" * 101, 1))
    assert command("--dry-run", *worded)[0] == 1
