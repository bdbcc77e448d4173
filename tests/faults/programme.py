"""The programme of a run: small, and with everything in it that two calls could get wrong together."""

import json
import random
from dataclasses import dataclass
from typing import Any

BUDGETS = {"first": 8, "early": 22, "launch": 50}
"""Rules that give points until their budgets are used up: 50 pays for seven times seven."""
BUDGET_POINTS = 7
BONUS, BONUS_STEP, BONUS_VALUE = "bonus", 5_000, 500
"""A voucher that is worth so much for every full step of a purchase."""
VISITS, REVIEWS, SPEND, SPEND_REACH = "third-visit", "second-review", "spender", 20_000
"""Goals: a gift for every third visit and every second review, points for so much spent."""
GIFT_VALUE = 100
ENROLLED, REFERRAL_MADE = "enrolled", "referral_made"
FLOOD = "flood"
"""Goods that bring more rewards than fit in one transaction: a purchase of them is refused."""
VOUCHER, CARD, FEW, CASH, BY_HAND = "voucher-5", "card", "few", "cash", "by-hand"
"""Rewards that are bought: a voucher to use once, a gift card to use in parts, few pieces, points as money, and what a
person hands over, of which there are few pieces as well."""
PRICES = {VOUCHER: 100, CARD: 60, FEW: 20, BY_HAND: 30}
PIECES = {FEW: 3, BY_HAND: 18}
"""Fewer than the stock has shards, and some more."""
MOST_OF_FEW = 4
"""How many a member may have."""
CASH_POINTS, CASH_VALUE = 10, 7
"""So many points are worth so much: neither divides the other."""

STATEMENT, STATEMENT_POINTS, STATEMENT_VALUE = "statement", 50, 45
"""A conversion on the first of every month: a voucher for every so many points, in some runs."""

_TEXT = {"en": "a text", "fr": "un texte"}
_MOST_GIFTS = 20


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs from run to run: whether rewards go with what is returned, and whether enrolling earns."""

    takes_back: bool
    welcomes: bool


def drawn(rng: random.Random) -> tuple[Rules, str]:
    """The rules of a run, and the whole programme file."""
    policy = rng.choice(("carry", "carry", "forgive", "block"))
    months = rng.choice(("never", 12, 12))
    rules = Rules(takes_back=rng.random() < 0.75, welcomes=rng.random() < 0.5)
    points: dict[str, object] = {
        "expire": "never" if months == "never" else {"after_months": months},
        "spent_then_returned": policy,
    }
    # What was bought on the day before becomes usable at midnight.
    points["pending_days"] = rng.choice((0, 1, 1))
    converts = {"conversions": _CONVERSIONS} if rng.random() < 0.6 else {}
    tiers = {"tiers": _PROGRAM["tiers"] | {"window": rng.choice(("month", "year"))}}
    earning = _EARNING + ([_rule("welcome", on=ENROLLED, points=10)] if rules.welcomes else [])
    purchases = {"rewards_when_returned": "take_back" if rules.takes_back else "keep"}
    drawn_parts = {"points": points, "earning": earning, "purchases": purchases}
    return rules, json.dumps(_PROGRAM | drawn_parts | tiers | converts)


def _rule(rule_id: str, group: str = "thanks", **content: object) -> dict[str, Any]:
    return {"id": rule_id, "group": group, **content, "text": _TEXT}


def _goal(goal_id: str, counts: str, reach: int, **content: object) -> dict[str, Any]:
    return {"id": goal_id, "counts": counts, "reach": reach, "per": "ever", "repeat": True, **content, "text": _TEXT}


_EARNING = [
    _rule("every-dollar", "base", points=1, per=100),
    *(
        _rule(rule, points=BUDGET_POINTS, budget=budget, limits=[{"times": 3, "per": "ever"}])
        for rule, budget in BUDGETS.items()
    ),
    _rule(BONUS, reward="bonus", per_full=BONUS_STEP),
    _rule("newcomer", on="referred", points=50),
    _rule("friend", on=REFERRAL_MADE, points=40),
    _rule("survey-thanks", on="survey", points=20, limits=[{"times": 2, "per": "ever"}]),
    _rule("review-thanks", on="review", points=30, limits=[{"times": 3, "per": "ever"}]),
    *(_rule(f"flood-{i}", reward="trinket", per_full=45, lines={"sku": FLOOD}) for i in range(100 // _MOST_GIFTS)),
]
_CONVERSIONS = [
    {
        "id": STATEMENT,
        "reward": STATEMENT,
        "months": list(range(1, 13)),
        "each": {"points": STATEMENT_POINTS, "value": STATEMENT_VALUE},
        "text": _TEXT,
    }
]
_PROGRAM: dict[str, Any] = {
    "program": "simulated",
    "name": {"en": "Club", "fr": "Club"},
    "currency": "USD",
    "activities": [{"id": "survey", "text": _TEXT}, {"id": "review", "text": _TEXT, "needs_confirmation": True}],
    # What was earned on the day before is announced at midnight, and so is who did nothing since.
    "reminders": {"points_expire_days": 364, "lapsing_after_days": 1},
    "referral": {"on": "purchase", "when": {"paid": {"at_least": 3_000}}},
    "groups": {"base": "all", "thanks": "all"},
    "goals": [
        _goal(VISITS, "visits", 3, reward="gift"),
        _goal(REVIEWS, "review", 2, reward="gift"),
        _goal(SPEND, "spend", SPEND_REACH, points=25),
    ],
    "tiers": {
        "window": "year",
        "held": "next_window",
        "levels": [{"id": "green", "text": _TEXT}, {"id": "gold", "text": _TEXT, "reach": [{"visits": 2}]}],
    },
    "rewards": [
        {"id": VOUCHER, "kind": "voucher", "points": PRICES[VOUCHER], "value": 500, "valid_days": 90, "text": _TEXT},
        {
            "id": CARD,
            "kind": "gift_card",
            "points": PRICES[CARD],
            "value": 1_000,
            "valid_days": 90,
            "use": {"in_parts": True},
            "text": _TEXT,
        },
        {
            "id": FEW,
            "kind": "product",
            "points": PRICES[FEW],
            "stock": PIECES[FEW],
            "limits": [{"times": MOST_OF_FEW, "per": "ever"}],
            "valid_days": 90,
            "text": _TEXT,
        },
        {
            "id": CASH,
            "kind": "credit",
            "pay": {"points": CASH_POINTS, "value": CASH_VALUE, "least_points": 5},
            "text": _TEXT,
        },
        {
            "id": BY_HAND,
            "kind": "product",
            "points": PRICES[BY_HAND],
            "stock": PIECES[BY_HAND],
            "fulfilment": "manual",
            "text": _TEXT,
        },
        {"id": STATEMENT, "kind": "voucher", "valid_days": 30, "text": _TEXT},
        {"id": "gift", "kind": "voucher", "value": GIFT_VALUE, "valid_days": 30, "text": _TEXT},
        {
            "id": "bonus",
            "kind": "voucher",
            "value": BONUS_VALUE,
            "valid_days": 30,
            "use": {"in_parts": True},
            "text": _TEXT,
        },
        {"id": "trinket", "kind": "product", "valid_days": 30, "text": _TEXT},
    ],
}
