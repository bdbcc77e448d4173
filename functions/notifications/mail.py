"""The words of a mail: templates as data, in English and French. Pure.

A template is a text file `templates/<message>.<locale>.txt`: subject on the first line, an empty line, the body.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_precision
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

MESSAGES: Mapping[str, str] = {
    "MemberEnrolled": "welcome",
    "PointsEarned": "points_earned",
    "RewardRedeemed": "reward_redeemed",
    "PointsExpiring": "points_expiring",
    "TierAtRisk": "tier_at_risk",
}
"""Which message an event of this type becomes."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail without its address."""

    subject: str
    body: str


def write(message: str, locale: str, facts: Mapping[str, object]) -> Mail:
    """Fill a template. `facts` hold what the template names; amounts of money as `(minor units, currency)` pairs."""
    text = _environment(locale).get_template(f"{message}.{locale}.txt").render(**facts)
    subject, _, body = text.partition("\n")
    return Mail(" ".join(subject.split()), body.strip() + "\n")


@cache
def _environment(locale: str) -> ImmutableSandboxedEnvironment:
    """Sandboxed, and strict: a name that is missing is an error here and not a gap in a member's mail."""
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # plain text
        keep_trailing_newline=True,
    )
    environment.filters["number"] = lambda value: format_decimal(value, locale=locale)
    environment.filters["money"] = lambda pair: money(pair[0], pair[1], locale)
    environment.filters["day"] = lambda iso: format_date(date.fromisoformat(iso), "long", locale=locale)
    return environment


def money(minor: int, currency: str, locale: str) -> str:
    """An amount in minor units as people write it: 500 EUR is "€5.00" or "5,00 €"."""
    amount = Decimal(minor).scaleb(-get_currency_precision(currency))
    return str(format_currency(amount, currency, locale=locale))
