"""What was bought with points: resolved once, given back once, used for no more than it is worth.

a hold         is captured before its time is over, cancelled, or ended after it; none is left in the end (P5, P10)
a refund       brings back the very points that were spent, last ones first, and never more of them (P6)
a piece        is out for as long as somebody has it; the stock itself is watched at every commit (P3)
a voucher      pays no more than its value in all, and nothing once it was taken back; what was used is not refunded
a handover     is done or given up, not both
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from functions.ledger.account import Entry
from functions.ledger.rewards import IssuedReward
from functions.redemption.refunding import WHOLE
from functions.runtime.envelope import SOURCE
from functions.runtime.tables import Item
from tests.faults.operations import Asked
from tests.faults.programme import CASH, CASH_POINTS, CASH_VALUE, FEW
from tests.faults.verdict import Books, Finding


def judge_spent(asked: Sequence[Asked], books: Books) -> Iterator[Finding]:
    """Everything that is wrong with what was bought."""
    standing: Counter[str] = Counter()
    for opened in books.entries.values():
        if opened.operation.kind != "redemption":
            continue
        final = _final(opened, books)
        yield from _in_time(opened, final)
        yield from _pieces(opened, final, books)
        if final and final.posting.kind == "redeemed":
            yield from _refunds(final, _spent(opened, final), books)
            yield from _handover(final, books)
            if _reward(final).reward == CASH and -final.posting.points != -(
                -_reward(final).value * CASH_POINTS // CASH_VALUE
            ):
                yield "P4", f"{final.operation.key} took {final.posting.points} points for {_reward(final).value}"
            if _reward(final).reward == FEW and not _is_refunded(final):
                standing[opened.member] += 1
    for member, account in books.accounts.items():
        if account.holds:
            yield "P10", f"{member} has holds that never ended: {dict(account.holds)}"
        had = account.counters.get(f"{FEW}.had", 0)
        if had != standing[member]:
            yield "P4", f"{member} has {standing[member]} of {FEW}, counted are {had}"
    yield from _vouchers(books)
    yield from _put_in(asked, books)


def _reward(entry: Entry) -> IssuedReward:
    assert entry.posting.reward
    return entry.posting.reward


def _final(opened: Entry, books: Books) -> Entry | None:
    """The entry that resolved a redemption: itself, where nothing was held."""
    if opened.posting.kind != "held":
        return opened
    found = [books.entries.get(f"{kind}#{_reward(opened).redemption}") for kind in ("capture", "release")]
    return next((entry for entry in found if entry), None)


def _in_time(opened: Entry, final: Entry | None) -> Iterator[Finding]:
    until = opened.posting.until
    if final is None or until is None:
        return
    if final.posting.kind == "redeemed" and final.recorded_at >= until:
        yield "P5", f"{final.operation.key} captured at {final.recorded_at} what was held until {until}"
    if final.posting.kind == "released" and final.operation.source == SOURCE and final.recorded_at < until:
        yield "P5", f"{final.operation.key} ended at {final.recorded_at} what was held until {until}"


def _spent(opened: Entry, final: Entry) -> list[str]:
    """The lot of every point that was spent for good, those that expire first at first."""
    held = next(iter(opened.posting.change.holds.values()), None)
    lots = held or {day: -points for day, points in (opened.posting.made or opened.posting.change).lots.items()}
    return [day for day in sorted(lots) for _ in range(lots[day])][: -final.posting.points]


def _is_refunded(final: Entry) -> bool:
    return bool(final.returned) and final.returned[WHOLE].points == -final.posting.points


def _refunds(final: Entry, spent: list[str], books: Books) -> Iterator[Finding]:
    key, refunds, left = final.operation.key, books.reversals_of(final.operation.key), len(spent)
    if final.reversals != len(refunds):
        yield "P6", f"{key} counts {final.reversals} refunds, there are {len(refunds)}"
    for refund in refunds:
        change = refund.posting.change
        back = spent[max(0, left - change.points) : left]
        left -= change.points
        over = {day for day in back if day < refund.recorded_at.date().isoformat()}
        expected = Counter(day for day in back if day not in over)
        given = Counter({day: points for day, points in change.lots.items() if points and day in expected})
        later = sum(change.lots.values()) - given.total()
        if change.debt == 0 and (given != expected or later != len(back) - expected.total()):
            yield "P6", f"{refund.operation.key} gave {change.lots} back, of {Counter(spent)} with {left} left"
        if given - expected:
            yield "P6", f"{refund.operation.key} gave {change.lots} back, {expected} was spent"
    if left < 0:
        yield "P6", f"{key} spent {len(spent)} points, {-left} more came back"
    if len(spent) - left != (final.returned[WHOLE].points if final.returned else 0):
        yield "P6", f"{key} says {final.returned} came back, the refunds gave {len(spent) - left}"
    if _is_refunded(final) and sum(_reward(refund).value for refund in refunds) != _reward(final).value:
        yield "P6", f"{key} was worth {_reward(final).value}, its refunds say otherwise"


def _pieces(opened: Entry, final: Entry | None, books: Books) -> Iterator[Finding]:
    """The piece that was drawn is out, or was put back to where it came from, with what gave the redemption up."""
    key = opened.operation.key
    after = [final, *books.reversals_of(final.operation.key)] if final else []
    drawn: Counter[tuple[str, int]] = Counter()
    for entry in {entry.operation.key: entry for entry in [opened, *after]}.values():
        for draw in entry.posting.draws:
            drawn[draw.rule, draw.shard] += draw.points
    came_to_nothing = final is not None and (final.posting.kind == "released" or _is_refunded(final))
    out = {shelf: pieces for shelf, pieces in drawn.items() if pieces}
    has_stock = bool(opened.posting.draws)
    if sum(out.values()) != int(has_stock and not came_to_nothing) or any(pieces < 0 for pieces in out.values()):
        yield "P3", f"{key} came to nothing: {came_to_nothing}; of the stock it has {out}"


def _handover(final: Entry, books: Books) -> Iterator[Finding]:
    wanted = _reward(final).redemption
    done = books.entries.get(f"fulfilment#{wanted}")
    given_up = books.entries.get(f"refund#{wanted}/supplier_failed")
    refunded = books.reversals_of(final.operation.key)
    if done and given_up:
        yield "P5", f"{wanted} was handed over, and given up"
    if done and any(refund.n < done.n for refund in refunded):
        yield "P5", f"{wanted} was handed over after it was refunded"


def _vouchers(books: Books) -> Iterator[Finding]:
    issued: dict[str, tuple[Entry, IssuedReward]] = {}
    uses: dict[str, list[Entry]] = {}
    for entry in books.entries.values():
        if entry.posting.used:
            uses.setdefault(entry.posting.used.voucher.reward.code or "", []).append(entry)
        bought = [entry.posting.reward] if entry.posting.kind == "redeemed" else []
        for reward in (*bought, *entry.posting.issued):
            if reward and reward.code:
                issued[reward.code] = entry, reward
    for code, (entry, reward) in issued.items():
        yield from _voucher(entry, reward, books.vouchers.get(f"V#{code}", {}), uses.get(code, []))


def _voucher(entry: Entry, reward: IssuedReward, voucher: Item, mine: Sequence[Entry]) -> Iterator[Finding]:
    used = [one.posting.used for one in mine if one.posting.used]
    paid, code = sum(use.paid for use in used), reward.code
    if paid > reward.value or any(use.paid != sum(use.lines.values()) for use in used):
        yield "P3", f"V#{code} of {reward.value} paid {paid}: {used}"
    if voucher.get("uses", 0) != len(mine):
        yield "P1", f"V#{code} counts {voucher.get('uses', 0)} uses, the books have {len(mine)}"
    if reward.basis:
        if paid + voucher["value"] > reward.value:
            yield "P3", f"V#{code} of {reward.value} paid {paid}, and is still worth {voucher['value']}"
        return
    withdrawn = voucher.get("withdrawn", False)
    if withdrawn != _is_refunded(entry) or (withdrawn and mine):
        yield "P6", f"V#{code} was used {len(mine)} times; taken back: {withdrawn}, {entry.returned} came back"
    if mine and not voucher.get("used_up") and voucher["value"] != reward.value - paid:
        yield "P3", f"V#{code} of {reward.value} paid {paid}, and is worth {voucher['value']}"


def _put_in(asked: Sequence[Asked], books: Books) -> Iterator[Finding]:
    """What was acknowledged of the stock is written down, once; what was refused is not."""
    for one in asked:
        if one.kind != "stock":
            continue
        change = books.put_in.get(one.key)
        done = "committed" in one.verdicts()
        if done and (change is None or change["change"] != one.points):
            yield "P1", f"{one.key} was acknowledged, written down is {change}"
    known = {one.key for one in asked if one.kind == "stock"}
    for key in books.put_in.keys() - known:
        yield "P1", f"nobody asked for {key}"
