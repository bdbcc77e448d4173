"""What becomes of a member after enrolment.

A change of a member is an entry of the account like any other: it has an operation id, who did it and when, its place
in the order of the member's changes, and an event. With it the profile and the claims are written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from functions.enrolment import profiles
from functions.enrolment.contract import MemberPatchIn, MergeIn, PreferencesIn, ReasonIn
from functions.enrolment.joining import referral_code, referral_key
from functions.enrolment.member import Consent, Member, change_of, erased, patched
from functions.enrolment.merging import decide_merge, latest_said
from functions.ledger import committing, pairing
from functions.ledger import store as ledger
from functions.ledger.account import Account, Change, Entry, MemberChange, MemberStatus, Operation, Posting
from functions.ledger.booking import check_status
from functions.ledger.committing import Request
from functions.ledger.identity import Identity
from functions.ledger.movements import forfeit
from functions.ledger.pairing import Pair
from functions.program import store as programs
from functions.program.messages import outbox
from functions.runtime import clock, tables
from functions.runtime.errors import (
    CardNotFoundError,
    FieldError,
    InvalidError,
    LoyaltyError,
    MemberClosedError,
    StaleError,
)
from functions.runtime.validation import payload_hash, payload_hash_of


@dataclass(frozen=True, slots=True)
class Changed:
    """A member as it is now, and whether the change was a repeat."""

    member: Member
    replayed: bool


@dataclass(frozen=True, slots=True)
class Call:
    """Who changes a member, under which operation id, and the state of the profile that the caller has seen, if any."""

    source: str
    key: str
    correlation_id: str
    if_match: str | None = None


def etag(member: Member) -> str:
    """Names the state of a profile."""
    return f'"{member.revision}"'


def update(member: str, received: MemberPatchIn, call: Call) -> Changed:
    """Change a profile, once; claim and release identities with it.

    Raises MemberNotFoundError, InvalidError, MemberExistsError that names the identities another member has, StaleError
    where the profile is not the one that the caller has seen, and the errors of `ledger.store.commit`.
    """
    patch = received.patch()

    def after(before: Member, now: datetime) -> Member:
        return patched(before, patch, call.source, profiles.program_of(member, now), now.date())

    return _changed(member, call, _salted(member, payload_hash(received, of=member)), after)


def set_preferences(member: str, received: PreferencesIn, call: Call) -> Changed:
    """Note what a member agrees to, or does not any more. Raises as `update`."""

    def after(before: Member, now: datetime) -> Member:
        said = {
            f"{one.channel}/{one.purpose}": Consent(one.given, now, one.how, one.wording) for one in received.consents
        }
        return replace(before, consents={**before.consents, **said})

    return _changed(member, call, _salted(member, payload_hash(received, of=member)), after)


def _salted(member: str, content: str) -> str:
    """The hash of a change by which a repeat is known, and from which nobody guesses an address once the member's salt
    is gone. Who has left has none: whatever is sent then is refused, and known again by its key alone. Raises
    MemberNotFoundError."""
    item = profiles.profile(member)
    gone = item["status"] in {"closed", "merged"}
    return payload_hash_of(member if gone else f"{item.get('salt', '')} {content}")


def suspend(member: str, received: ReasonIn, call: Call) -> Changed:
    """Nothing is earned or spent until the member is reinstated. Raises as `update`."""
    return _with_status(member, "suspended", received, call)


def reinstate(member: str, received: ReasonIn, call: Call) -> Changed:
    """Raises as `update`."""
    return _with_status(member, "active", received, call)


def _with_status(member: str, status: MemberStatus, received: ReasonIn, call: Call) -> Changed:
    def after(before: Member, _now: datetime) -> Member:
        return replace(before, status=status)

    return _changed(member, call, payload_hash(received, of=f"{member} {status}"), after, received.reason)


def erase(member: str, call: Call) -> Changed:
    """Let a member go: all that is personal is removed everywhere, points are forfeited, entries keep their sums.

    Raises RedemptionsOpenError where points are held, and as `update`. What a crash leaves, the repeat of the call
    removes.
    """

    def after(before: Member, _now: datetime) -> Member:
        return erased(before)

    gone = _changed(member, call, payload_hash_of(f"erase {member}"), after, closing=True)
    _forget(member)
    return gone


def _forget(member: str) -> None:
    """Remove what is personal of a member's entries and messages, and of those of members who were merged into it."""
    for entry in ledger.newest_first(member):
        ledger.forget(entry)
        about = entry.posting.member
        if about and "from" in about.after:
            _forget(about.after["from"])
    for message in list(tables.query("messages", "#member = :member", {"member": member}, consistent=True)):
        if message["message"] == outbox.GOODBYE:
            continue  # it goes by itself, once it is sent
        tables.remove("messages", {"member": member, "message": message["message"]})


def merge(member: str, received: MergeIn, call: Call) -> Changed:
    """Give everything of a member to another, who is the same person: points, tier, counters and identities.

    The member who goes answers with where it went; what still comes for it is booked on the other. Raises
    MemberNotFoundError, MemberClosedError, InvalidError for a member and itself, ProgramNotActiveError, and the errors
    of `ledger.store.commit_pair`.
    """
    if received.into == member:
        raise InvalidError([FieldError("/into", "itself", "A member cannot be merged into itself.")])
    seen: list[tuple[tables.Item, tables.Item]] = []

    def decide(gone: Account, kept: Account, now: datetime) -> tuple[Posting, Posting]:
        check_status(gone, "merge")
        check_status(kept, "merge")
        seen[:] = [(profiles.profile(member), profiles.profile(received.into))]
        return decide_merge(gone, kept, programs.in_force(kept.member, now), now)

    def also() -> list[tables.Write]:
        [(item_gone, item_kept)] = seen
        gone, kept = profiles.from_item(item_gone), profiles.from_item(item_kept)
        left = replace(erased(gone), status="merged", merged_into=kept.id, revision=gone.revision + 1)
        # Where both have one of a kind, the one who stays is shown with its own, and found by both.
        identities, consents = [*gone.identities, *kept.identities], latest_said(gone, kept)
        both = replace(kept, identities=identities, consents=consents, revision=kept.revision + 1)
        return [
            tables.Replace("members", profiles.emptied(item_gone, left), {"revision": gone.revision}),
            tables.Replace("members", item_kept | profiles.fields_of(both), {"revision": kept.revision}),
            *(_passed_on(identity, gone.id, kept.id) for identity in gone.identities),
        ]

    content = payload_hash(received, of=member)
    operation = Operation("change", call.source, call.key, content, call.correlation_id)
    arrival = Operation("merge", call.source, member, content, call.correlation_id)
    pair = Pair((operation, arrival), (member, received.into), decide, also)
    _, replayed = pairing.commit_pair(pair)
    return Changed(profiles.get(member), replayed)


def _passed_on(identity: Identity, gone: str, kept: str) -> tables.Replace:
    """The claim of an identity, with who had it `first`: what was sent under it by then is known again by that."""
    key = {"key": identity.claim_key()}
    claim = tables.get("members", key, consistent=True) or {}
    return tables.Replace("members", key | {"member": kept, "first": claim.get("first", gone)}, {"member": gone})


def export(member: str, call: Call) -> tuple[Member, Account, list[Entry], list[tables.Item]]:
    """All that is kept of a member; that it was given out is noted. Raises MemberNotFoundError."""
    found = profiles.get(member)

    def decide(_account: Account, now: datetime) -> Posting:
        program = profiles.program_of(member, now)
        change = MemberChange(what="MemberExported")
        return Posting("changed", Change(), now, program.version if program else 0, member=change)

    operation = Operation("change", call.source, call.key, payload_hash_of(f"export {member}"), call.correlation_id)
    committing.commit(Request(operation, Identity("id", member), decide))
    entries = list(ledger.since(member, 0))
    messages = list(tables.query("messages", "#member = :member", {"member": member}))
    return found, ledger.load(member, consistent=True), entries, messages


def _changed(
    member: str,
    call: Call,
    content: str,
    after: Callable[[Member, datetime], Member],
    reason: str = "",
    *,
    closing: bool = False,
) -> Changed:
    """Book a change of a member, and write the profile and the claims with it."""
    seen: list[tuple[tables.Item, Member, Member]] = []

    def decide(account: Account, now: datetime) -> Posting:
        item = profiles.profile(member)
        before = profiles.from_item(item)
        if before.status == "merged":
            # The account is the other member's by now; its profile is not changed by an old id.
            raise MemberClosedError(f"This member is {before.merged_into} now.", merged_into=before.merged_into)
        if call.if_match is not None and call.if_match != etag(before):
            raise StaleError("Somebody changed the member meanwhile: read it again.")
        program = profiles.program_of(member, now)
        code = before.referral_code or (referral_code(member) if program and program.referral else None)
        new = replace(after(before, now), revision=before.revision + 1, referral_code=None if closing else code)
        seen[:] = [(item, before, new)]
        about = change_of(before, new, account.traits, reason)
        points = forfeit(account) if closing else Change()
        return Posting("changed", points, now, program.version if program else 0, member=about)

    def also() -> list[tables.Write]:
        item, before, new = seen[0]
        gone, come = _released(before, new), _claimed(before, new)
        left = profiles.emptied(item, new) if closing else item | profiles.fields_of(new)
        return [
            tables.Replace("members", left, expected={"revision": before.revision}),
            *(_goodbye(item, before) if closing else ()),
            *(tables.Remove("members", {"key": one.claim_key()}, {"member": member}) for one in gone),
            *(profiles.code_of(new) if new.referral_code != before.referral_code else ()),
            *_code_released(before, new),
            *(profiles.claim(one, member) for one in come),
        ]

    def explain(reasons: Sequence[tables.Reason]) -> LoyaltyError | None:
        _, before, new = seen[0]
        come = _claimed(before, new)
        taken = [one.kind for one, reason in zip(come, reasons[len(reasons) - len(come) :], strict=True) if reason.item]
        return profiles.taken_by_others(taken) if taken else None

    operation = Operation("change", call.source, call.key, content, call.correlation_id)
    committed = committing.commit(Request(operation, Identity("id", member), decide, also, explain))
    return Changed(profiles.get(member), committed.replayed)


def _goodbye(item: tables.Item, before: Member) -> list[tables.Write]:
    """The last mail, unless the address does not work: what it needs lies in the table until it has gone out, and
    nowhere else."""
    now = clock.now()
    program = profiles.program_of(before.id, now)
    to = before.by_kind().get("email")
    if program is None or to is None or "email" not in program.messages.over("goodbye"):
        return []
    state = tables.get("messages", {"member": before.id, "message": outbox.STATE}, consistent=True) or {}
    if outbox.suspended_by(state, "email", to):
        return []
    return [tables.Put("messages", outbox.goodbye(before.id, to, item, now), key="member")]


def _released(before: Member, after: Member) -> list[Identity]:
    kept = {one.claim_key() for one in after.identities}
    return [one for one in before.identities if one.claim_key() not in kept]


def _claimed(before: Member, after: Member) -> list[Identity]:
    had = {one.claim_key() for one in before.identities}
    return [one for one in after.identities if one.claim_key() not in had]


def _code_released(before: Member, after: Member) -> list[tables.Remove]:
    if before.referral_code is None or after.referral_code:
        return []
    return [tables.Remove("members", {"key": referral_key(before.referral_code)}, {"member": before.id})]


def audit(member: str, limit: int, below: int | None) -> list[Entry]:
    """Up to `limit` changes of a member, latest first. Raises MemberNotFoundError."""
    found = ledger.newest_first(member, below)
    ledger.load(member)
    return list(islice((entry for entry in found if entry.posting.kind == "changed"), limit))


def card(member: str) -> tuple[str, str]:
    """The number of a member's card, and a picture of it to scan. Raises MemberNotFoundError, CardNotFoundError."""
    number = profiles.get(member).by_kind().get("card")
    if number is None:
        raise CardNotFoundError("This member has no card.")
    import segno  # not at the top: only this needs it

    return number, segno.make_qr(number, error="m").svg_inline(scale=4)
