"""Proof of stocks and budgets: what is counted as taken, against what the entries took and what was put in."""

from collections import Counter
from collections.abc import Iterator, Mapping

from functions.ledger.reward_items import BUDGET, SPENT, STOCK_CHANGE
from functions.runtime import tables


def counted() -> Counter[str]:
    """What is counted as taken, by the name of the stock or the rule, together with what was added to it since: without
    what came in, it is what the entries took."""
    found: Counter[str] = Counter()
    for item in tables.scan("rewards"):
        kind, _, rest = item["key"].partition("#")
        if kind == BUDGET:
            found[rest.rpartition("#")[0]] += item[SPENT]
        elif kind == STOCK_CHANGE:
            found[item["shelf"]] += item["change"]
    return found


def differences(drawn: Mapping[str, int], before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[str]:
    """What disagrees. `drawn`: by the entries, read between `before` and `after`; what moved meanwhile is left out."""
    for name in sorted({*drawn, *after}):
        took = drawn.get(name, 0)
        if took != after.get(name, 0) == before.get(name, 0):
            yield f"{name}: {after.get(name, 0)} are counted as taken, the entries took {took}."
