"""The books against everything that was said, once all is at rest: faults over, queues empty, sweeper run.

    answers     what was acknowledged is in the books once, word for word; what was refused is not; and a refusal was
                right when it was made
    books       every entry is somebody's operation and moves what that is worth; holds and returns stay in bounds
    claims      every identity and every voucher belongs to what made it

What rests on what is judged in `rests.py`, what was bought in `spent.py`, what waits in `waits.py`, what is on the bus
in `told.py`; the proof of every account is the real one (`functions/ledger/proving.py`).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime

from functions.ledger import items
from functions.ledger.account import Account, Entry
from functions.ledger.identity import Identity
from functions.runtime.envelope import SOURCE
from functions.runtime.tables import Item, from_wire
from tests.faults.dynamodb import Database
from tests.faults.midnight import BY_TIME
from tests.faults.operations import Answer, Asked, as_booked
from tests.faults.programme import BUDGET_POINTS, BUDGETS, Rules
from tests.faults.watch import Watch

_OURS = ("activity#loyalty#", "confirmation#loyalty#")


class Books:
    """Everything that is in the tables at the end, as the functions read it."""

    def __init__(self, database: Database, watch: Watch, rules: Rules) -> None:
        self.watch = watch
        self.rules = rules
        self.records: dict[str, Item] = {i["operation"]: i for i in map(from_wire, database.items("entries"))}
        self.entries: dict[str, Entry] = {
            key: items.entry_from_item(item) for key, item in self.records.items() if items.is_entry(item)
        }
        self.members: dict[str, Item] = {i["key"]: i for i in map(from_wire, database.items("members"))}
        rewards = list(map(from_wire, database.items("rewards")))
        self.vouchers: dict[str, Item] = {i["key"]: i for i in rewards if i["key"].startswith("V#")}
        self.put_in: dict[str, Item] = {i["key"]: i for i in rewards if i["key"].startswith("R#")}
        self.spent: Counter[str] = Counter()
        for item in rewards:
            if item["key"].startswith("B#"):
                self.spent[item["key"].split("#")[1]] += item["spent"]
        self.accounts: dict[str, Account] = {
            i["member"]: items.account_from_item(i)
            for i in map(from_wire, database.items("accounts"))
            if i["part"] == items.ACCOUNT
        }
        self._by_member: dict[str, list[Entry]] = {}
        self._reversals: dict[str, list[Entry]] = {}
        for entry in sorted(self.entries.values(), key=lambda entry: entry.n):
            self._by_member.setdefault(entry.member, []).append(entry)
            if entry.posting.reversal:
                self._reversals.setdefault(entry.posting.reversal.operation, []).append(entry)

    def of(self, member: str) -> list[Entry]:
        """A member's entries in order."""
        return self._by_member.get(member, [])

    def reversals_of(self, key: str) -> list[Entry]:
        """What was taken back of an entry, in order."""
        return self._reversals.get(key, [])


Finding = tuple[str, str]
"""The promise that is broken, and how."""


def judge(asked: Sequence[Asked], books: Books) -> Iterator[Finding]:
    """Everything that is wrong."""
    began = _beginnings(asked)
    contents = {(one.key, one.content) for one in asked if one.kind == "return"}
    rivals = {key for key, times in Counter(key for key, _ in contents).items() if times > 1}
    for one in asked:
        for answer in one.answers if one.kind != "stock" else ():
            judge_answer = _enrolment if one.kind == "enrol" else _early if _is_early(one, answer) else _answer
            found = judge_answer(one, answer, books)
            yield from () if _about_what_waits(one, answer, rivals, books) else found
        refusals = [answer for answer in one.answers if answer.verdict == "refused"]
        if refusals and one.key in books.watch.refused_at and "refused" in books.records.get(one.key, {}):
            yield from _wrongly_refused(one, began[one.key, one.content], books)
    yield from _entries(asked, books)
    yield from _holds(books)
    yield from _returns(books)
    yield from _claims(books)
    yield from _budget(books)


def _answer(asked: Asked, answer: Answer, books: Books) -> Iterator[Finding]:
    record, entry = books.records.get(asked.key), books.entries.get(asked.key)
    mine = record is not None and record["hash"] == asked.content
    match answer.verdict:
        case "committed":
            if entry is None or not mine:
                yield "P1", f"{asked.key} was acknowledged and is not in the books"
            elif answer.entry and as_booked(answer.entry) != as_booked(entry):
                yield (
                    "P1",
                    f"{asked.key} was acknowledged as {as_booked(answer.entry)}, the books say {as_booked(entry)}",
                )
        case "refused":
            if record is None or not mine or "refused" not in record:
                yield "P7", f"{asked.key} was refused ({answer.code}), the books say {record}"
            elif answer.problem and record["refused"] != answer.problem:
                yield "P7", f"{asked.key} was refused with another problem than the books keep"
        case "reused":
            if record is None or mine:
                yield "P2", f"{asked.key} was called a reused id, and it is not"


def _is_early(asked: Asked, answer: Answer) -> bool:
    """Whether what follows a capture came before it: that is refused, and not kept."""
    return answer.code == "hold_not_found" and asked.kind not in {"capture", "cancel"}


def _early(asked: Asked, answer: Answer, books: Books) -> Iterator[Finding]:
    if books.records.get(asked.key, {}).get("refused", {}).get("code") == answer.code:
        yield "P7", f"{asked.key} came before its capture, and is refused for ever"


def _about_what_waits(asked: Asked, answer: Answer, rivals: set[str], books: Books) -> bool:
    """Whether an answer about a return holds only for as long as things were as they were: another return waited under
    its id, which claims it for as long as it waits, or it was of what is a return itself."""
    if asked.kind != "return":
        return False
    of_return = asked.of.replace("purchase", "return", 1) in books.entries
    return (answer.verdict == "reused" and asked.key in rivals) or (answer.verdict == "refused" and of_return)


def _beginnings(asked: Sequence[Asked]) -> Mapping[tuple[str, str], float]:
    """When each operation was called for the first time, by whomever."""
    began: dict[tuple[str, str], float] = {}
    for one in asked:
        if one.began is not None:
            began[one.key, one.content] = min(one.began, began.get((one.key, one.content), one.began))
    return began


def _wrongly_refused(asked: Asked, began: float, books: Books) -> Iterator[Finding]:
    """A refusal must have been right at some moment between the first call for it and its being kept."""
    code = books.records[asked.key].get("refused", {}).get("code")
    until = books.watch.refused_at[asked.key]
    purchase = books.entries.get(asked.of)
    if code == "purchase_not_returnable" and purchase and asked.pieces:
        bought = {line.id: line.quantity for line in purchase.posting.lines}
        back = {line: returned.quantity for line, returned in purchase.returned.items()}
        if all(back.get(line, 0) + more <= bought.get(line, 0) for line, more in asked.pieces.items()):
            yield "P7", f"{asked.key} was refused though it can still be returned"
        return
    seen = list(_between(_member_of(asked, books), began, until, books.watch))
    price = -asked.points if asked.kind == "adjust" and asked.points else asked.price
    days = {books.watch.day_at(at) for at in (began - _SKEW, until + _SKEW)}
    if code == "insufficient_points" and all(_could_spend(account, price, days) for account in seen):
        yield "P7", f"{asked.key} was refused, and there were enough points all the time"
    if code == "reward_sold_out" and books.watch.stocks[asked.reward].had_a_piece(began, until):
        yield "P7", f"{asked.key} was told that nothing is left, and there was a piece all the time"
    if code == "hold_expired" and until < books.watch.seconds(_ends(books.entries[f"redemption#{asked.of}"])) - _SKEW:
        yield "P7", f"{asked.key} was told that the time of the hold is over, and it was not"
    if code == "hold_not_found" and all(asked.of in account.holds for account in seen):
        yield "P7", f"{asked.key} was refused, and it was held all the time"
    if code == "activity_not_waiting" and books.entries[asked.of].posting.unconfirmed:
        yield "P7", f"{asked.key} was refused, and it needed to be decided"


_SKEW = 15.0
"""Seconds by which two clocks differ at most."""


def _ends(held: Entry) -> datetime:
    assert held.posting.until
    return held.posting.until


def _could_spend(account: Account, points: int, days: set[date]) -> bool:
    """On every day that a clock may have shown."""
    return all(account.balance(day).active >= points for day in days)


def _between(member: str | None, begin: float, end: float, watch: Watch) -> Iterator[Account]:
    """The images of an account that were true at some moment of a span, repeats of the call included."""
    images = watch.accounts.get(member or "", [])
    for i, (at, account) in enumerate(images):
        replaced_at = images[i + 1][0] if i + 1 < len(images) else end
        if at <= end and replaced_at >= begin:
            yield account


def _member_of(asked: Asked, books: Books) -> str | None:
    if asked.who:
        return _resolved(asked.who, books)
    if asked.kind == "adjust":
        return asked.of
    if asked.kind in {"return", "decision"}:
        about = books.entries.get(asked.of)
        return about.member if about else None
    if asked.kind == "use":
        voucher = books.vouchers.get(f"V#{asked.of}")
        return voucher["member"] if voucher else None
    held = books.entries.get(f"redemption#{asked.of}")
    return held.member if held else None


def _resolved(who: Identity, books: Books) -> str | None:
    claim = books.members.get(who.claim_key())
    return claim["member"] if claim else None


def _enrolment(asked: Asked, answer: Answer, books: Books) -> Iterator[Finding]:
    profile = books.members.get(asked.key)
    mine = profile is not None and profile["hash"] == asked.content
    if answer.verdict == "committed" and (profile is None or not mine or profile["member"] != answer.member):
        yield "P1", f"{asked.key} was enrolled and is not in the books"
    if answer.verdict == "refused" and profile is not None:
        yield "P7", f"{asked.key} was refused ({answer.code}) and is enrolled"
    if answer.verdict == "reused" and (profile is None or mine):
        yield "P2", f"{asked.key} was called a reused key, and it is not"


def _entries(asked: Sequence[Asked], books: Books) -> Iterator[Finding]:
    """Every entry is what somebody asked for, and the first answer for it came once."""
    known = {(one.key, one.content): one for one in asked if one.kind not in {"enrol", "stock"}}
    for key, entry in books.entries.items():
        by_itself = entry.operation.kind == "release" and entry.operation.source == SOURCE
        if key.startswith(_OURS) or by_itself or entry.operation.kind in BY_TIME:
            continue
        intent = known.get((key, entry.operation.payload_hash))
        if intent is None:
            yield "P1", f"nobody asked for {key}"
            continue
        worth = None if intent.points is None else intent.points + _beside_the_rate(entry)
        if worth is not None and entry.posting.points != worth:
            yield "P4", f"{key} moved {entry.posting.points} points, it is worth {worth}"
        if entry.member != _member_of(intent, books):
            yield "P1", f"{key} is {entry.member}'s, it was asked for {_member_of(intent, books)}"
    first = Counter(
        one.key
        for one in asked
        for a in one.answers
        if a.verdict == "committed" and a.replayed is False and (a.entry or a.member or a.named)
    )
    for key, times in first.items():
        if times > 1:
            yield "P1", f"{key} was answered as new {times} times"


def _beside_the_rate(entry: Entry) -> int:
    """What other rules and the goals gave of a purchase."""
    if entry.posting.kind != "earned":
        return 0
    return sum(reason.points for reason in entry.posting.explanation if reason.rule != "every-dollar")


def _budget(books: Books) -> Iterator[Finding]:
    """What a rule with a budget gave is what was drawn, never more than there was, and as often as it may be."""
    for rule, budget in BUDGETS.items():
        spent = books.spent.get(rule, 0)
        reasons = [
            (key, reason)
            for key, entry in books.entries.items()
            for reason in entry.posting.explanation
            if reason.rule == rule
        ]
        given = sum(reason.points for _, reason in reasons)
        drawn = sum(draw.points for e in books.entries.values() for draw in e.posting.draws if draw.rule == rule)
        if not given == drawn == spent <= budget:
            yield "P3", f"{rule} gave {given}, drew {drawn}, its budget counts {spent} of {budget}"
        if budget - spent < BUDGET_POINTS:
            continue
        for key, reason in reasons:
            if reason.condition == "budget_used_up":
                yield "P7", f"{key} was told that the budget of {rule} is used up, and {spent} was drawn"


def _holds(books: Books) -> Iterator[Finding]:
    """Captured or cancelled, once at most; and a voucher for every redemption that is final."""
    final = Counter(
        entry.posting.reward.redemption
        for entry in books.entries.values()
        if entry.posting.reward and entry.posting.kind in {"redeemed", "released"}
    )
    for redemption, times in final.items():
        if times > 1:
            yield "P5", f"{redemption} was resolved {times} times"


def _returns(books: Books) -> Iterator[Finding]:
    """The pieces and points of all returns of a purchase are what its entry says, and never more than it was."""
    for key, purchase in books.entries.items():
        if purchase.posting.kind != "earned":
            continue
        mine = books.reversals_of(key)
        if purchase.reversals != len(mine):
            yield "P6", f"{key} counts {purchase.reversals} reversals, there are {len(mine)}"
        taken = sum(int(reason.facts.get("to_take_back", 0)) for entry in mine for reason in entry.posting.explanation)
        if taken != sum(back.points for back in purchase.returned.values()):
            yield "P6", f"{key} says {purchase.returned} came back, its reversals took {taken}"
        for line in purchase.posting.lines:
            back = purchase.returned.get(line.id)
            if back and (back.quantity > line.quantity or back.points > line.points):
                yield "P6", f"{key} line {line.id} was returned more than it was: {back}"
    for entry in books.entries.values():
        told = sum(reason.points for reason in entry.posting.explanation)
        if entry.posting.kind == "reversed" and entry.operation.kind != "refund" and entry.posting.points != told:
            yield "P6", f"{entry.operation.key} took {entry.posting.points} points and explains {told}"


def _claims(books: Books) -> Iterator[Finding]:
    claimed = {
        Identity(**identity).claim_key(): item["member"]
        for key, item in books.members.items()
        if key.startswith("M#")
        for identity in item["identities"]
    }
    held = {key: item["member"] for key, item in books.members.items() if key.startswith("I#")}
    if claimed != held:
        yield "P1", f"the profiles claim {claimed}, the claims are {held}"
    if {item["member"] for key, item in books.members.items() if key.startswith("M#")} != set(books.accounts):
        yield "P1", "profiles and accounts are not the same members"
    issued = {
        f"V#{reward.code}": (entry.member, reward.redemption)
        for entry in books.entries.values()
        for reward in (entry.posting.reward, *entry.posting.issued)
        if reward and reward.code
    }
    vouchers = {key: (item["member"], item["redemption"]) for key, item in books.vouchers.items()}
    if issued != vouchers:
        yield "P1", f"the entries issued {sorted(issued)}, the vouchers are {sorted(vouchers)}"
