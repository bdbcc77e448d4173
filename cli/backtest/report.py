"""The whole of a backtest, and how the terminal shows it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cli.backtest import words
from cli.backtest.figures import Difference, Figures, Odd
from cli.backtest.replaying import Record


@dataclass(frozen=True, slots=True)
class Report:
    """What is shown. `programmes`: the one in question first, then what it is held against, if anything."""

    source: str
    programmes: Sequence[Figures]
    records: Sequence[Sequence[Record]]
    difference: Difference | None
    odd: Sequence[Odd]

    @property
    def odd_measure(self) -> str:
        if self.difference:
            return "The members who gain or lose most"
        return "Points for what was spent, farthest from the median (robust z-score; members of 5 purchases or more)"

    def changed(self, by: int) -> str:
        """A gain or loss in its unit."""
        assert self.difference is not None
        if self.difference.unit == "money":
            return words.signed_money(by, self.programmes[0].currency)
        return f"{words.signed(by)} points"

    def distance(self, odd: Odd) -> str:
        return self.changed(int(odd.distance)) if self.difference else f"{odd.distance:+.1f}"


def show(report: Report, console: Console) -> None:
    """The report as tables."""
    names = [one.name for one in report.programmes]
    columns = names if len(set(names)) == len(names) else ["this", "against"][: len(names)]
    console.print("\n", _totals(report, columns))
    console.print(f"[dim]{words.assumption(report.programmes[0].assumption, report.programmes[0].currency)}[/dim]")
    for one, name in zip(report.programmes, columns, strict=True):
        console.print("\n", _rules(one, name))
        if one.tiers:
            console.print("\n", _tiers(one, name))
    if report.difference:
        console.print("\n", _difference(report))
    console.print("\n", _odd(report))


def _totals(report: Report, columns: Sequence[str]) -> Table:
    table = Table("", *columns, title=f"Backtest on {report.source}")
    each = [words.totals(one) for one in report.programmes]
    for name in each[0]:
        table.add_row(name, *[one[name] for one in each])
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _rules(one: Figures, name: str) -> Table:
    table = Table(title=f"Points by rule: {name}")
    table.add_column("rule or goal")
    for title in ("points", "share"):
        table.add_column(title, justify="right")
    for rule, points in one.by_rule.items():
        table.add_row(rule, words.count(points), words.share(points, sum(one.by_rule.values())))
    for rule, points in one.into_counters.items():
        table.add_row(f"{rule} (into a counter)", words.count(points), "")
    for reward, (times, value) in one.vouchers.items():
        table.add_row(f"{reward} (vouchers)", words.count(times), words.money(value, one.currency))
    return table


def _tiers(one: Figures, name: str) -> Table:
    table = Table("month end", title=f"Members by tier: {name}")
    for tier in one.tiers:
        table.add_column(tier, justify="right")
    for i, end in enumerate(one.month_ends):
        table.add_row(end.isoformat(), *[words.count(members[i]) for members in one.tiers.values()])
    return table


def _difference(report: Report) -> Table:
    found = report.difference
    assert found is not None
    table = Table("", "", title=f"{report.programmes[0].name} against {report.programmes[1].name}, by member")
    table.columns[1].justify = "right"
    members = len(found.changes)
    for name, told in {
        "gain": f"{words.count(found.winners)} ({words.share(found.winners, members)})",
        "lose": f"{words.count(found.losers)} ({words.share(found.losers, members)})",
        "neither": words.count(members - found.winners - found.losers),
        "gained in all": report.changed(found.gained),
        "lost in all": report.changed(found.lost),
        **{quantile(at): report.changed(by) for at, by in found.quantiles.items()},
    }.items():
        table.add_row(name, told)
    return table


def quantile(at: int) -> str:
    """How a place in the order of gains is called."""
    return {0: "the least", 50: "half of them at most", 100: "the most"}.get(at, f"{at} % of them at most")


def _odd(report: Report) -> Table:
    table = Table("member", title="The oddest accounts", caption=report.odd_measure)
    for title in ("points", "spent", "change" if report.difference else "score"):
        table.add_column(title, justify="right")
    table.add_column("why")
    for one in report.odd:
        spent = words.money(one.spend, report.programmes[0].currency)
        table.add_row(one.member, words.count(one.points), spent, report.distance(one), one.reason)
    return table


def write_ndjson(report: Report, path: Path) -> None:
    """One line of JSON for each member; the same under `against` where there are two programmes."""
    with path.open("w", encoding="utf-8") as file:
        for records in zip(*report.records, strict=True):
            told = _told(records[0])
            if len(records) > 1:
                told["against"] = _told(records[1])
            file.write(json.dumps(told, ensure_ascii=False) + "\n")


def _told(record: Record) -> dict[str, object]:
    return {
        "member": record.member,
        "purchases": record.purchases,
        "spend": record.spend,
        "points": record.points,
        "by_rule": record.by_rule,
        "into_counters": record.into_counters,
        "active": record.active,
        "pending": record.pending,
        "expired": record.expired,
        "converted": record.converted,
        "tier": record.tier or None,
        "vouchers": {reward: {"count": n, "value": value} for reward, (n, value) in record.vouchers.items()},
        "enrolled_on": record.enrolled_on.isoformat(),
        "earned_on": record.earned_on.isoformat() if record.earned_on else None,
    }
