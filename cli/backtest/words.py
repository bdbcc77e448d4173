"""Numbers and money as the report writes them."""

from decimal import Decimal
from fractions import Fraction

from babel.numbers import format_currency, get_currency_precision

from cli.backtest.figures import Assumption, Figures


def count(number: int) -> str:
    return f"{number:,}"


def signed(number: int) -> str:
    return f"{'+' if number > 0 else '−' if number < 0 else '±'}{abs(number):,}"


def share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def money(minor: int | None, currency: str) -> str:
    """Minor units as people write them; a dash where it is not known."""
    if minor is None:
        return "–"
    amount = Decimal(minor).scaleb(-get_currency_precision(currency))
    return str(format_currency(amount, currency, locale="en"))


def signed_money(minor: int, currency: str) -> str:
    return f"{'+' if minor > 0 else '−' if minor < 0 else '±'}{money(abs(minor), currency)}"


def minor_units(currency: str) -> int:
    """How many make one unit."""
    return int(10 ** get_currency_precision(currency))


def assumption(one: Assumption, currency: str) -> str:
    """What the cost rests on, in words."""
    used = f"{_percent(one.redeemed)} of points and vouchers are used"
    if one.worth is None:
        return f"{used}; nothing in the file says what a point is worth, so points have no cost here."
    worth = f"a point is worth {float(one.worth / minor_units(currency)):g} {currency}"
    where = "as the file says" if one.worth_from == "file" else "the best that a reward gives"
    return f"{used}; {worth}, {where}."


def totals(one: Figures) -> dict[str, str]:
    """The figures that are one number, by what they are called."""
    cur = one.currency
    return {
        "Purchases": count(one.purchases),
        "Members": count(one.members),
        "Earned in the last 90 days": f"{count(one.active_members)} ({share(one.active_members, one.members)})",
        "Spent": money(one.spend, cur),
        "Points given": count(one.points),
        "Points expired": count(one.expired),
        "Points turned into vouchers": count(one.converted),
        "Vouchers given": f"{count(sum(n for n, _ in one.vouchers.values()))} ({money(one.voucher_value, cur)})",
        "Cost of points": money(one.points_cost, cur),
        "Cost of vouchers": money(one.voucher_cost, cur),
        "Cost in all": f"{money(one.cost, cur)} ({share(one.cost or 0, one.spend)} of what was spent)"
        if one.cost is not None
        else "–",
        "Points held at the end": f"{count(one.active)} active, {count(one.pending)} pending",
        "Liability at the end": money(one.liability, cur),
    }


def _percent(part: Fraction) -> str:
    return f"{float(part * 100):g} %"
