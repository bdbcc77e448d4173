"""The backtest: figures on purchases small enough to count by hand, every format, bad rows, and one process or two."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from cli.backtest import replaying
from cli.backtest.command import backtest
from cli.backtest.figures import Figures, difference, figures, oddest
from cli.backtest.plots import bars, columns, steps
from cli.backtest.replaying import Record, Replay, replayed
from cli.purchases.columns import Collector, Purchases
from cli.purchases.reading import read_purchases
from cli.purchases.receipts import ReadingError
from functions.accrual.deciding import decide
from functions.ledger.account import Account
from functions.ledger.booking import booked
from functions.lifecycle.passing import passing
from functions.program.document import read
from functions.program.model import Program
from functions.program.occasions import Purchase, PurchaseLine

PROGRAM = """
program: corner-shop
name: {en: Corner, fr: Coin}
currency: USD
points:
  expire: {after_days: 30}
  worth: 2
tiers:
  window: year
  held: next_window
  levels:
    - {id: basic, text: {en: Basic, fr: Base}}
    - {id: gold, text: {en: Gold, fr: Or}, reach: [{spend: 10000}]}
groups: {all: all}
earning:
  - {id: base, group: all, points: 1, per: 100, text: {en: One, fr: Un}}
  - id: tea
    group: all
    points: 10
    lines: {category: tea}
    limits: [{times: 1, per: month}]
    text: {en: Tea, fr: Thé}
goals:
  - {id: thrice, counts: visits, reach: 3, per: month, reward: cake, text: {en: Three, fr: Trois}}
rewards:
  - {id: cake, kind: voucher, value: 400, valid_days: 30, text: {en: Cake, fr: Gâteau}}
"""
HEADER = "receipt,member,occurred_at,amount,quantity,sku,category,brand,store,discounted,discount,attributes.till\n"
ROWS = (
    HEADER
    + "r1,ann,2026-01-05T10:00:00,1050,1,s1,tea|drinks,Leaf,north,false,0,3\n"
    + "r1,ann,2026-01-05T10:00:00,950,2,s2,bread,,north,true,100,3\n"
    + "r2,bob,2026-01-06T09:00:00+01:00,400,1,s2,bread,,south,,,\n"
    + "r3,ann,2026-03-10T10:00:00,9000,1,s1,tea,Leaf,north,,,\n"
)
AT = datetime(2026, 1, 5, 10, tzinfo=UTC)


def a_program(text: str = PROGRAM) -> Program:
    return read(text)


def some_purchases(members: int = 40, each: int = 9) -> Purchases:
    """Purchases that come in no order of members, some on the same day."""
    collector = Collector("USD")
    for n in range(each):
        for m in range(members):
            at = AT + timedelta(days=(n * 7 + m) % 120, hours=m % 5)
            lines = [PurchaseLine("1", 1, 300 + 17 * m + 211 * n, "s1", ("tea",) if m % 3 else ("bread",))]
            lines.append(PurchaseLine("2", 2, 40 * n, "s2"))
            collector.add(f"m{m}", Purchase(f"r{n}-{m}", at, "USD", lines, store="north"))
    return collector.purchases


def records_of(purchases: Purchases, program: Program, jobs: int = 1) -> list[Record]:
    return replayed(purchases, [program], jobs, lambda _: None)[0]


def from_text(tmp_path: Path, text: str, name: str = "sales.csv", program: Program | None = None) -> Purchases:
    path = tmp_path / name
    path.write_text(text)
    return read_purchases(str(path), program or a_program())


def counted(purchases: Purchases, program: Program) -> tuple[list[Record], Figures]:
    records = records_of(purchases, program)
    last = purchases.last_instant().astimezone(program.zone).date()
    return records, figures(records, program, last, Fraction(1, 2))


def test_figures_counted_by_hand(tmp_path: Path) -> None:
    _, found = counted(from_text(tmp_path, ROWS), a_program())
    assert (found.purchases, found.members, found.spend) == (3, 2, 11400)
    # ann: 20 + 10 for tea in January, 90 + 10 in March; bob: 4. January's are over by March.
    assert found.by_rule == {"base": 114, "tea": 20}
    assert (found.points, found.expired, found.active, found.pending) == (134, 34, 100, 0)
    assert found.active_members == 2
    assert found.tiers == {"basic": [2, 2, 1], "gold": [0, 0, 1]}
    assert found.month_ends == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 10)]
    assert (found.points_cost, found.voucher_cost, found.cost) == (134, 0, 134)
    assert found.liability == 100


def test_who_earned_last_before_the_ninety_days_is_not_active(tmp_path: Path) -> None:
    text = HEADER + "r1,ann,2026-01-05,500,,,,,,,,\nr2,bob,2026-01-06,500,,,,,,,,\nr3,cat,2026-04-05,50,,,,,,,,\n"
    _, found = counted(from_text(tmp_path, text), a_program())
    assert found.active_members == 1


def test_vouchers_of_goals_cost_their_share(tmp_path: Path) -> None:
    text = HEADER + "".join(f"r{n},ann,2026-01-0{n},100,,,,,,,,\n" for n in range(1, 5))
    _, found = counted(from_text(tmp_path, text), a_program())
    assert found.vouchers == {"cake": (1, 400)}
    assert (found.voucher_cost, found.points_cost, found.cost) == (200, 4, 204)


def test_without_a_worth_points_have_no_cost_unless_a_reward_tells_it(tmp_path: Path) -> None:
    nothing = PROGRAM.replace("  worth: 2\n", "")
    purchases = from_text(tmp_path, ROWS)
    assert counted(purchases, a_program(nothing))[1].cost is None
    priced = nothing.replace("value: 400,", "value: 400, points: 100,")
    assert counted(purchases, a_program(priced))[1].assumption.worth == 4


def test_winners_and_losers(tmp_path: Path) -> None:
    purchases, before = from_text(tmp_path, ROWS), a_program()
    after = a_program(
        PROGRAM.replace("points: 1, per: 100", "points: 1, per: 50").replace("points: 10\n", "points: 1\n")
    )
    (old, one), (new, other) = counted(purchases, before), counted(purchases, after)
    found = difference(old, new, one, other)
    # ann: 110 points more for spend, 18 less for tea; bob 4 more; a point is worth 2.
    assert {change.member: change.by for change in found.changes} == {"ann": 2 * (110 - 18), "bob": 8}
    assert (found.unit, found.winners, found.losers, found.gained, found.lost) == ("money", 2, 0, 192, 0)
    assert found.quantiles[0] == 8
    assert found.quantiles[100] == 184


def test_the_oddest_account_comes_with_its_reason() -> None:
    usual = [Record(f"m{n}", 6, 10_000, 100 + n, {"base": 100 + n}) for n in range(12)]
    odd = Record("odd", 6, 10_000, 500, {"base": 100, "tea": 400})
    [first, *_] = oddest([*usual, odd], 100)
    assert first.member == "odd"
    assert first.distance > 10
    assert first.reason == "5.00 points for 1 spent, 1.06 is usual; tea gives 4.00, usually 0.00"


def test_nobody_is_odd_where_all_are_alike() -> None:
    assert oddest([Record(f"m{n}", 6, 100, 10) for n in range(12)], 100) == []


def test_a_purchase_is_judged_as_by_decide() -> None:
    program, purchases = a_program(), some_purchases(3)
    replay, accounts, days = Replay(program), dict[str, Account](), dict[str, date]()
    for member, purchase in purchases.built(purchases.by_member()):
        day = purchase.occurred_at.date()
        account = accounts.get(member) or Account(member, purchase.occurred_at, purchase.occurred_at, "test")
        for passed in passing(account, program, days.get(member, day), day):
            account = passed.account
        expected = decide(account, purchase, program, purchase.occurred_at)
        accounts[member], days[member] = booked(account, expected), day
        found = replay.take(member, purchase)
        assert list(found.explanation) == list(expected.explanation)
        assert found == expected
        assert replay.account(member).lots == accounts[member].lots


def test_two_processes_give_the_same_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "_FEW", 1)
    purchases, program = some_purchases(), a_program()
    heard: list[int] = []
    [in_two] = replayed(purchases, [program], 2, heard.append)
    assert in_two == records_of(purchases, program)
    assert sum(heard) == len(purchases)
    assert len(heard) > 2


def test_a_budget_is_spent_in_the_order_of_time_over_all_members() -> None:
    program = a_program(PROGRAM.replace("points: 10\n", "points: 10\n    budget: 20\n"))
    purchases = some_purchases()
    records = records_of(purchases, program, jobs=2)
    assert sum(record.by_rule.get("tea", 0) for record in records) == 20
    teas = [i for i in purchases.by_time() if purchases.kinds[purchases.kind[purchases.start[i]]][1] == ("tea",)]
    first = {purchases.members[purchases.member[i]] for i in teas[:2]}
    assert {record.member for record in records if record.by_rule.get("tea")} == first


def test_who_enrols_is_given_what_enrolling_gives() -> None:
    welcome = "  - {id: hello, group: all, on: enrolled, points: 7, text: {en: Hello, fr: Salut}}\ngoals:"
    records = records_of(some_purchases(2), a_program(PROGRAM.replace("goals:", welcome)))
    assert [record.by_rule["hello"] for record in records] == [7, 7]


def built(purchases: Purchases) -> list[tuple[str, Purchase]]:
    return list(purchases.built(range(len(purchases))))


def test_a_csv_file_says_all_that_a_purchase_says(tmp_path: Path) -> None:
    [(member, first), (_, second), _] = built(from_text(tmp_path, ROWS))
    assert member == "ann"
    assert first == Purchase(
        "r1",
        AT,
        "USD",
        [
            PurchaseLine("1", 1, 1050, "s1", ("tea", "drinks"), "Leaf"),
            PurchaseLine("2", 2, 950, "s2", ("bread",), None, True, 100),
        ],
        store="north",
        attributes={"till": 3},
    )
    assert second.occurred_at == datetime(2026, 1, 6, 8, tzinfo=UTC)


def test_a_time_without_an_offset_is_of_the_programme(tmp_path: Path) -> None:
    program = a_program(PROGRAM.replace("currency: USD", "currency: USD\ntime_zone: America/New_York"))
    [(_, first), *_] = built(from_text(tmp_path, ROWS, program=program))
    assert first.occurred_at == datetime(2026, 1, 5, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("paid", "currency", "minor"),
    [("12.99", "USD", 1299), ("0.285", "USD", 28), ("0.295", "USD", 30), ("7", "USD", 700), ("700", "JPY", 700)],
)
def test_money_in_decimals_becomes_minor_units_exactly(tmp_path: Path, paid: str, currency: str, minor: int) -> None:
    program = a_program(PROGRAM.replace("USD", currency))
    text = f"receipt,member,occurred_at,paid\nr1,ann,2026-01-05,{paid}\n"
    assert list(from_text(tmp_path, text, program=program).amount) == [minor]


def test_ndjson_is_what_the_api_takes(tmp_path: Path) -> None:
    body = json.loads((Path(__file__).parents[2] / "events" / "requests" / "post_purchase.json").read_text())
    [(member, purchase)] = built(from_text(tmp_path, json.dumps(body) + "\n\n", "sales.ndjson"))
    assert member == "RC-1847-0042"
    assert purchase.occurred_at == datetime(2026, 11, 20, 22, 42, 10, tzinfo=UTC)
    assert [line.categories for line in purchase.lines] == [
        ("vinyl", "jazz"),
        ("cd", "classical"),
        ("vinyl", "box-set"),
    ]
    assert purchase.attributes == {"till": 3, "gift": False, "event": "record-store-day"}


BAD_ROWS = {
    "r1,ann,2026-01-05T10:00:00,x,1,,,,,,,": "line 2: amount is 'x', not a whole number of minor units",
    "r1,ann,2026-01-05T10:00:00,-1,1,,,,,,,": "line 2: amount is '-1', not from 0 to 1000000000 minor units",
    "r1,ann,yesterday,1,1,,,,,,,": "line 2: occurred_at is 'yesterday', not a time such as 2026-03-10T09:00:00",
    "r1,,2026-01-05,1,1,,,,,,,": "line 2: member is empty",
    ",ann,2026-01-05,1,1,,,,,,,": "line 2: receipt is empty",
    "r1,ann,2026-01-05,1,0,,,,,,,": "line 2: quantity is '0', not a whole number from 1 to 100000",
    "r1,ann,2026-01-05,1,1,,,,,maybe,,": "line 2: discounted is 'maybe', neither true nor false",
    "r1,ann,2026-01-05": "line 2: 3 fields where 12 are expected",
}


@pytest.mark.parametrize("row", BAD_ROWS)
def test_a_bad_row_is_told_with_its_line(tmp_path: Path, row: str) -> None:
    with pytest.raises(ReadingError) as raised:
        from_text(tmp_path, HEADER + row + "\n")
    assert str(raised.value) == f"sales.csv has a mistake; nothing was done:\n  {BAD_ROWS[row]}"


def test_every_bad_row_is_counted_and_the_first_are_told(tmp_path: Path) -> None:
    with pytest.raises(ReadingError) as raised:
        from_text(tmp_path, HEADER + "r1,,2026-01-05,1,1,,,,,,,\n" * 25)
    told = str(raised.value).splitlines()
    assert told[0] == "sales.csv has 25 mistakes; nothing was done:"
    assert told[-1] == "  and 5 more"
    assert len(told) == 22


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("r1,bob,2026-01-05,1,,,,,,,,", "line 3: the receipt r1 is of the member ann on line 2"),
        (
            "r1,ann,2026-01-06,1,,,,,,,,",
            "line 3: the receipt r1 says otherwise on line 2: when, where or how it was paid",
        ),
    ],
)
def test_the_lines_of_a_receipt_must_agree(tmp_path: Path, second: str, reason: str) -> None:
    with pytest.raises(ReadingError, match=reason):
        from_text(tmp_path, HEADER + f"r1,ann,2026-01-05,1,,,,,,,,\n{second}\n")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("receipt,member,occurred_at", "give either amount"),
        ("receipt,member,amount", "the column occurred_at is missing"),
        ("receipt,member,occurred_at,amount,amount", "the column amount is there twice"),
        ("receipt,member,occurred_at,amount,discout", "there is no column discout: did you mean discount?"),
    ],
)
def test_a_header_must_be_known(tmp_path: Path, header: str, reason: str) -> None:
    with pytest.raises(ReadingError, match=reason.replace("?", "\\?")):
        from_text(tmp_path, header + "\n")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"currency": "EUR"}, "line 1: the currency is EUR, the programme counts in USD"),
        ({"occurred_at": "2026-01-05T10:00:00"}, "line 1: /occurred_at: "),
        ({"lines": []}, "line 1: /lines: "),
    ],
)
def test_bad_ndjson_is_told_with_its_line(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    body = json.loads((Path(__file__).parents[2] / "events" / "requests" / "post_purchase.json").read_text())
    with pytest.raises(ReadingError, match=reason):
        from_text(tmp_path, json.dumps(body | change), "sales.ndjson")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("sales.ndjson", "{", "line 1: this is not JSON"),
        ("sales.txt", "", "is not a .csv, .ndjson or .parquet file"),
        ("sales.csv", HEADER, "holds no purchases"),
    ],
)
def test_what_is_no_file_of_purchases_is_refused(tmp_path: Path, name: str, text: str, reason: str) -> None:
    with pytest.raises(ReadingError, match=reason):
        from_text(tmp_path, text, name)


def test_two_purchases_may_not_have_one_receipt(tmp_path: Path) -> None:
    body = (Path(__file__).parents[2] / "events" / "requests" / "post_purchase.json").read_text()
    line = json.dumps(json.loads(body))
    with pytest.raises(ReadingError, match="line 2: the receipt till-3-20261120-0187 stands on line 1 already"):
        from_text(tmp_path, f"{line}\n{line}\n", "sales.ndjson")


def test_what_is_missing_to_read_parquet_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.compute", None)
    with pytest.raises(ReadingError, match=r"requirements/backtest\.txt"):
        from_text(tmp_path, "", "sales.parquet")
    with pytest.raises(ReadingError, match=r"requirements/backtest\.txt"):
        read_purchases("completejourney", a_program())


def test_a_parquet_file_says_what_a_csv_file_says(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow.csv")
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "sales.csv").write_text(ROWS)
    parquet.write_table(arrow.read_csv(tmp_path / "sales.csv"), tmp_path / "sales.parquet")
    program = a_program()
    found = read_purchases(str(tmp_path / "sales.parquet"), program)
    assert built(found)[0] == built(read_purchases(str(tmp_path / "sales.csv"), program))[0]


def run(*arguments: str) -> tuple[int, str]:
    app = Typer()
    app.command()(backtest)
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    return done.exit_code, done.output


@pytest.fixture
def files(tmp_path: Path) -> Sequence[str]:
    (tmp_path / "one.yaml").write_text(PROGRAM)
    (tmp_path / "two.yaml").write_text(PROGRAM.replace("corner-shop", "other-shop").replace("per: 100", "per: 50"))
    (tmp_path / "sales.csv").write_text(ROWS.replace("r2,bob", "r2,<b>bob</b>"))
    return [str(tmp_path / name) for name in ("one.yaml", "two.yaml", "sales.csv")]


def test_the_command_shows_and_writes_the_report(files: Sequence[str], tmp_path: Path) -> None:
    page, lines = tmp_path / "out.html", tmp_path / "out.ndjson"
    code, told = run(
        files[1], "--against", files[0], "--purchases", files[2], "--html", str(page), "--ndjson", str(lines)
    )
    assert code == 0, told
    assert "other-shop against corner-shop" in told
    assert "gain" in told
    ann, bob = map(json.loads, lines.read_text().splitlines())
    assert (ann["member"], ann["points"], ann["by_rule"]) == ("ann", 240, {"base": 220, "tea": 20})
    assert (ann["spend"], ann["tier"], ann["against"]["points"]) == (11000, "gold", 130)
    assert bob["member"] == "<b>bob</b>"
    html = page.read_text()
    assert "&lt;b&gt;bob&lt;/b&gt;" in html
    assert "<b>bob" not in html
    assert "<script" not in html
    assert "http" not in html


def test_one_programme_alone_has_a_page_as_well(files: Sequence[str], tmp_path: Path) -> None:
    code, told = run(files[0], "--purchases", files[2], "--html", str(tmp_path / "out.html"))
    assert code == 0, told
    assert "Members by tier" in (tmp_path / "out.html").read_text()


def test_after_bad_rows_nothing_is_written(files: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(HEADER + "r1,,2026-01-05,1,1,,,,,,,\n")
    code, told = run(files[0], "--purchases", files[2], "--html", str(tmp_path / "out.html"))
    assert code == 1
    assert "line 2: member is empty" in told
    assert not (tmp_path / "out.html").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [(("currency: USD", "currency: EUR"), "count in"), (("earning:", "earnings:"), "mistakes")],
)
def test_a_programme_that_does_not_fit_is_told(files: Sequence[str], change: tuple[str, str], reason: str) -> None:
    Path(files[1]).write_text(PROGRAM.replace(*change))
    code, told = run(files[1], "--against", files[0], "--purchases", files[2])
    assert code == 1
    assert reason in told


def test_plots_keep_within_their_surface() -> None:
    plot = columns("t", [str(n) for n in range(30)], {"a": list(range(30)), "b": [5] * 30})
    assert all(0 <= one.y <= one.y + one.height <= plot.height for one in plot.shapes)
    wide = bars("t", {"a": 5, "b": 0}, {"a": "5", "b": "0"})
    assert all(one.x + one.width <= wide.width for one in wide.shapes)
    bounds = steps([-50, 3, 1000, 17, 18])
    assert bounds[0] <= -50
    assert bounds[-1] > 1000
    assert len({b - a for a, b in pairwise(bounds)}) == 1


def test_reading_does_not_need_the_extra_packages() -> None:
    code = "import cli.backtest.running, sys; assert not {'pyarrow', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
