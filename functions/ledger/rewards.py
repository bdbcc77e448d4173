"""Rewards that were given: why, with which code, and how they are used or taken back. Pure.

What is on offer, and on which terms, says the programme.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Basis:
    """What a reward that was given rests on, so that a return knows when it goes.

    `rule`: the rule or `goal` that gave it, `times` so often. By a rule: for what it counted of each purchase line
    (`lines`), at least `least` together, once for each full `step` of it (0: once for the whole), and where at least
    `paid` was paid for all lines.
    """

    rule: str
    times: int = 1
    lines: Mapping[str, int] = field(default_factory=dict)
    least: int = 0
    step: int = 0
    paid: int = 0
    goal: bool = False


@dataclass(frozen=True, slots=True)
class IssuedReward:
    """What a redemption, a rule or a goal gives. `value` in minor units of `currency`.

    `code`: good as money, None while held. `redemption`: its id, also where it was given and not bought. It can be used
    from `valid_from` to `valid_until`. `basis`: why it was given, None where it was bought. `money`: what is paid
    besides the points, minor units. `fulfilment`: how it is handed over. `reference`: what the supplier calls it.
    """

    redemption: str
    reward: str
    kind: str
    value: int
    currency: str
    code: str | None
    valid_until: date | None
    valid_from: date | None = None
    basis: Basis | None = None
    money: int = 0
    fulfilment: str = "code"
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Voucher:
    """A reward with a code, as it is now: `reward.value` is what is left of it. `version`: of the programme, whose
    terms it has. `uses`: how often it was used, `paid`: how much it paid, `used_up`: it cannot be any more. `changes`:
    how often it was changed since it was issued; a writer must have seen the latest."""

    reward: IssuedReward
    member: str
    changes: int = 0
    withdrawn: bool = False
    version: int = 0
    uses: int = 0
    paid: int = 0
    used_up: bool = False


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A voucher that is taken back: wholly, or down to the value `left`."""

    voucher: Voucher
    left: int


@dataclass(frozen=True, slots=True)
class Use:
    """A voucher that is used: it paid `paid` of a purchase, by line, and `left` of its value is left. `used_up`: it
    cannot be used again. Minor units."""

    voucher: Voucher
    paid: int
    left: int
    used_up: bool
    lines: Mapping[str, int] = field(default_factory=dict)
