"""The report as a page of its own: no scripts, nothing from elsewhere, light or dark as its reader likes it."""

from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cli.backtest import words
from cli.backtest.figures import Figures
from cli.backtest.plots import Plot, bars, columns, distribution, steps
from cli.backtest.report import Report, quantile

_TEMPLATES = Path(__file__).parent / "templates"


def page_of(report: Report) -> str:
    """The page, everything in it escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, autoescape=True, trim_blocks=True
    )
    environment.filters["number"] = words.count
    facts = {
        "report": report,
        "names": [one.name for one in report.programmes],
        "totals": [words.totals(one) for one in report.programmes],
        "assumption": words.assumption(report.programmes[0].assumption, report.programmes[0].currency),
        "plots": [list(_plots(one)) for one in report.programmes],
        "words": words,
        "quantile": quantile,
        "changes": _changes(report),
        "points": _points(report),
    }
    return environment.get_template("page.html").render(**facts)


def _plots(one: Figures) -> Iterator[Plot]:
    in_all = sum(one.by_rule.values())
    told = {rule: f"{points:,} ({words.share(points, in_all)})" for rule, points in one.by_rule.items()}
    yield bars("Points by rule", one.by_rule, told)
    if one.tiers:
        yield columns(
            "Members by tier, at the end of each month", [f"{end:%b %y}" for end in one.month_ends], one.tiers
        )


def _points(report: Report) -> Plot:
    values = [record.points for record in report.records[0]]
    return distribution("Members by the points they got", values, {bound: f"{bound:,}" for bound in steps(values)})


def _changes(report: Report) -> Plot | None:
    if report.difference is None:
        return None
    values = [change.by for change in report.difference.changes]
    scale = words.minor_units(report.programmes[0].currency) if report.difference.unit == "money" else 1
    told = {bound: f"{bound / scale:+,g}" for bound in steps(values)}
    unit = report.programmes[0].currency if report.difference.unit == "money" else "points"
    return distribution(f"Members by what they gain or lose ({unit})", values, told)
