"""Sharing points out over lines, and rounding them. Exact: whole numbers and fractions only. Pure."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate
from operator import sub

from functions.program.model import Bracket, Rounding


def along(values: Sequence[int], points_of: Callable[[int], int]) -> list[int]:
    """Each line gets what it lifts the running total by."""
    shares: list[int] = []
    so_far = before = 0
    for value in values:
        so_far += value
        points = points_of(so_far)
        shares.append(points - before)
        before = points
    return shares


def along_floor(values: Sequence[int], top: int, bottom: int) -> list[int]:
    """`_along` for the commonest of rates, which most of the time goes into."""
    so_far = [value * top // bottom for value in accumulate(values)]
    return list(map(sub, so_far, (0, *so_far)))


def spread(points: int, values: Sequence[int]) -> list[int]:
    """A number shared out in proportion to others; all to the first where there is nothing to go by."""
    total = sum(values)
    if total == 0:
        return [points if i == 0 else 0 for i, _ in enumerate(values)]
    return along_floor(values, points, total)


def marginal(brackets: Sequence[Bracket], value: int) -> Fraction:
    points = Fraction(0)
    for i, bracket in enumerate(brackets):
        end = brackets[i + 1].start if i + 1 < len(brackets) else value
        if value > bracket.start:
            points += bracket.rate.points * (min(value, end) - bracket.start) / bracket.rate.per
    return points


def rounded(points: Fraction, rounding: Rounding) -> int:
    return whole(points.numerator, points.denominator, rounding)


def whole(top: int, bottom: int, rounding: Rounding) -> int:
    if rounding == "floor":
        return top // bottom
    return -(-top // bottom) if rounding == "ceil" else (2 * top + bottom) // (2 * bottom)


def cut(shares: Sequence[int], most: int) -> list[int]:
    """The first lines count until the limit is reached."""
    return along(shares, lambda so_far: min(so_far, most))
