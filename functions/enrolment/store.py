"""Members in DynamoDB: a profile, one claim per identity, and the account, all in one transaction.

A later change of a member is an entry of the account like any other: it has an operation id, who did it and when, its
place in the order of the member's changes, and an event. With it the profile and the claims are written.

    M#<member>            profile; also the idempotency record of the enrolment
    I#<kind>#<hash>       claim: this identity belongs to that member

The account is opened here and not at the first purchase: then it exists for every member, one read tells whether a
member exists, and `MemberEnrolled` is published from the same stream, before anything the member earns.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from itertools import islice

from functions.enrolment.contract import MemberIn, MemberPatchIn, MergeIn, PreferencesIn, ReasonIn
from functions.enrolment.joining import card_number, check_may_join, referral_code, referral_key
from functions.enrolment.member import (
    Consent,
    Member,
    born_tomorrow,
    change_of,
    erased,
    is_complete,
    member_id,
    not_declared,
    patched,
)
from functions.enrolment.merging import decide_merge
from functions.ledger import store as ledger
from functions.ledger.account import (
    Account,
    Change,
    Entry,
    MemberChange,
    MemberStatus,
    Operation,
    Posting,
    Traits,
    check_status,
)
from functions.ledger.identity import Identity, profile_key
from functions.ledger.movements import forfeit
from functions.program import store as programs
from functions.program.model import Program
from functions.program.tiers import opened
from functions.runtime import clock, tables
from functions.runtime.errors import (
    CardNotFoundError,
    FieldError,
    InvalidError,
    LoyaltyError,
    MemberClosedError,
    MemberExistsError,
    MemberNotFoundError,
    OperationIdReusedError,
    ProgramNotActiveError,
    StaleError,
    TryAgainError,
)
from functions.runtime.validation import payload_hash, payload_hash_of

_ATTEMPTS = 7


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A member, and whether the enrolment was a repeat."""

    member: Member
    replayed: bool


def enrol(received: MemberIn, source: str, idempotency_key: str) -> Enrolled:
    """Make a member once.

    Raises MemberExistsError that names the identities another member has, OperationIdReusedError, TryAgainError.
    """
    member = Member(
        id=member_id(source, idempotency_key),
        identities=received.identities(source),
        given_name=received.given_name,
        family_name=received.family_name,
        locale=received.locale,
        enrolled_at=clock.now(),
        source=source,
        time_zone=received.time_zone,
        birth_date=received.birth_date,
        country=received.country,
        segments=received.segments,
        attributes=received.attributes,
    )
    program = _program(member.id, member.enrolled_at)
    content = payload_hash(received)
    if received.issue_card:
        member = _with_card(member, 0)
    try:
        _check(received, member, program)
        referrer = _referrer(received.referral_code)
    except LoyaltyError:
        # What was accepted once is answered as it was then, whatever the programme says today.
        profile = tables.get("members", {"key": profile_key(member.id)}, consistent=True)
        if profile is None:
            raise
        return _again(profile, content)
    code = referral_code(member.id) if program and program.referral else None
    member = replace(member, completed=is_complete(member, program), referral_code=code)
    for attempt in range(_ATTEMPTS):
        try:
            tables.transact(_writes(member, content, program, referrer))
        except tables.CancelledError as cancelled:
            try:
                known = _explained(cancelled, member, content)
            except MemberExistsError as error:
                if not received.issue_card or error.members["identities"] != ["card"]:
                    raise
                member = _with_card(member, attempt + 1)  # somebody has that number already
                continue
            if known:
                return known
            clock.pause(0.02 * 2**attempt)
            continue
        return Enrolled(member, replayed=False)
    raise TryAgainError("The enrolment met another one. Nothing was written; repeat it with the same key.")


def _with_card(member: Member, attempt: int) -> Member:
    """The member with a card number of ours."""
    others = [one for one in member.identities if one.kind != "card"]
    return replace(member, identities=[*others, Identity("card", card_number(member.id, attempt), member.source)])


def _writes(member: Member, content: str, program: Program | None, referrer: str | None) -> list[tables.Put]:
    account = Account(
        member.id,
        enrolled_at=member.enrolled_at,
        updated_at=member.enrolled_at,
        source=member.source,
        # Everyone has the lowest tier, from the first day on. Before a programme is published nobody has any.
        tiers=opened(program, member.enrolled_at) if program else (),
        traits=member.traits(Traits(referred_by=referrer)),
    )
    claims = [_claim(identity, member.id) for identity in member.identities]
    profile = tables.Put("members", _to_item(member, content), key="key")
    return [profile, ledger.opening(account), *claims, *_code_of(member)]


def _code_released(before: Member, after: Member) -> list[tables.Remove]:
    if before.referral_code is None or after.referral_code:
        return []
    return [tables.Remove("members", {"key": referral_key(before.referral_code)}, {"member": before.id})]


def _code_of(member: Member) -> list[tables.Put]:
    """Whose referral code it is."""
    if member.referral_code is None:
        return []
    return [tables.Put("members", {"key": referral_key(member.referral_code), "member": member.id}, key="key")]


def _claim(identity: Identity, member: str) -> tables.Put:
    return tables.Put("members", {"key": identity.claim_key(), "member": member}, key="key")


def _program(member: str, at: datetime) -> Program | None:
    try:
        return programs.in_force(member, at)
    except ProgramNotActiveError:
        return None


def _check(received: MemberIn, member: Member, program: Program | None) -> None:
    """Raises InvalidError for attributes that the programme does not know, JoiningRefusedError."""
    errors = not_declared(received.attributes, program.member_attributes if program else {})
    errors += born_tomorrow(received.birth_date, member.enrolled_at.date())
    if errors:
        raise InvalidError(errors)
    if program:
        invite, at = received.invite_code, member.enrolled_at
        check_may_join(program, member.identities, member.country, member.birth_date, invite, at)


def _referrer(code: str | None) -> str | None:
    """The member whose code it is. Raises InvalidError for nobody's, and for that of a member who is not active."""
    if code is None:
        return None
    claim = tables.get("members", {"key": referral_key(code)}, consistent=True)
    account = ledger.standing(ledger.load(claim["member"])) if claim else None
    if account is None or account.status != "active":
        raise InvalidError([FieldError("/referral_code", "unknown_code", "This is no member's code.")])
    return account.member


def _again(profile: tables.Item, content: str) -> Enrolled:
    """What a repeat of an enrolment is answered."""
    member = _from_item(profile)
    if member.status in {"closed", "merged"}:
        raise MemberClosedError("This member has left.")
    if profile["hash"] != content:
        raise OperationIdReusedError("This Idempotency-Key was used to enrol with another body.")
    return Enrolled(member, replayed=True)


def _explained(cancelled: tables.CancelledError, member: Member, content: str) -> Enrolled | None:
    """What stood in the way of an enrolment; None where it was only another one at the same moment."""
    profile, _account, *claims = cancelled.reasons
    if profile.item:
        return _again(profile.item, content)
    known = zip(member.identities, claims[: len(member.identities)], strict=True)
    taken = [identity.kind for identity, reason in known if _others(reason, member)]
    if taken:
        raise _taken(taken)
    if not cancelled.has("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"):
        raise cancelled
    return None


def _others(reason: tables.Reason, member: Member) -> bool:
    """Whether an identity is another member's. Our own claim is there when this enrolment was carried out before."""
    return reason.item is not None and reason.item["member"] != member.id


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


def update(member: str, received: MemberPatchIn, call: Call) -> Enrolled:
    """Change a profile, once; claim and release identities with it.

    Raises MemberNotFoundError, InvalidError, MemberExistsError that names the identities another member has, StaleError
    where the profile is not the one that the caller has seen, and the errors of `ledger.store.commit`.
    """
    patch = received.patch()

    def after(before: Member, now: datetime) -> Member:
        return patched(before, patch, call.source, _program(member, now), now.date())

    return _changed(member, call, payload_hash(received, of=member), after)


def set_preferences(member: str, received: PreferencesIn, call: Call) -> Enrolled:
    """Note what a member agrees to, or does not any more. Raises as `update`."""

    def after(before: Member, now: datetime) -> Member:
        said = {
            f"{one.channel}/{one.purpose}": Consent(one.given, now, one.how, one.wording) for one in received.consents
        }
        return replace(before, consents={**before.consents, **said})

    return _changed(member, call, payload_hash(received, of=member), after)


def suspend(member: str, received: ReasonIn, call: Call) -> Enrolled:
    """Nothing is earned or spent until the member is reinstated. Raises as `update`."""
    return _with_status(member, "suspended", received, call)


def reinstate(member: str, received: ReasonIn, call: Call) -> Enrolled:
    """Raises as `update`."""
    return _with_status(member, "active", received, call)


def _with_status(member: str, status: MemberStatus, received: ReasonIn, call: Call) -> Enrolled:
    def after(before: Member, _now: datetime) -> Member:
        return replace(before, status=status)

    return _changed(member, call, payload_hash(received, of=f"{member} {status}"), after, received.reason)


def erase(member: str, call: Call) -> Enrolled:
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
    for message in list(tables.query("messages", "#member = :member", {"member": member})):
        tables.remove("messages", {"member": member, "message": message["message"]})


def merge(member: str, received: MergeIn, call: Call) -> Enrolled:
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
        seen[:] = [(_profile(member), _profile(received.into))]
        return decide_merge(gone, kept, programs.in_force(kept.member, now), now)

    def also() -> list[tables.Write]:
        [(item_gone, item_kept)] = seen
        gone, kept = _from_item(item_gone), _from_item(item_kept)
        left = replace(erased(gone), status="merged", merged_into=kept.id, revision=gone.revision + 1)
        # Where both have one of a kind, the one who stays is shown with its own, and found by both.
        both = replace(kept, identities=[*gone.identities, *kept.identities], revision=kept.revision + 1)
        return [
            tables.Replace("members", item_gone | _fields(left) | {"hash": ""}, {"revision": gone.revision}),
            tables.Replace("members", item_kept | _fields(both), {"revision": kept.revision}),
            *(_passed_on(identity, gone.id, kept.id) for identity in gone.identities),
        ]

    content = payload_hash(received, of=member)
    operation = Operation("change", call.source, call.key, content, call.correlation_id)
    arrival = Operation("merge", call.source, member, content, call.correlation_id)
    pair = ledger.Pair((operation, arrival), (member, received.into), decide, also)
    _, replayed = ledger.commit_pair(pair)
    return Enrolled(get(member), replayed)


def _passed_on(identity: Identity, gone: str, kept: str) -> tables.Replace:
    return tables.Replace("members", {"key": identity.claim_key(), "member": kept}, {"member": gone})


def export(member: str, call: Call) -> tuple[Member, Account, list[Entry], list[tables.Item]]:
    """All that is kept of a member; that it was given out is noted. Raises MemberNotFoundError."""
    found = get(member)

    def decide(_account: Account, now: datetime) -> Posting:
        program = _program(member, now)
        change = MemberChange(what="MemberExported")
        return Posting("changed", Change(), now, program.version if program else 0, member=change)

    operation = Operation("change", call.source, call.key, payload_hash_of(f"export {member}"), call.correlation_id)
    ledger.commit(ledger.Request(operation, Identity("id", member), decide))
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
) -> Enrolled:
    """Book a change of a member, and write the profile and the claims with it."""
    seen: list[tuple[tables.Item, Member, Member]] = []

    def decide(account: Account, now: datetime) -> Posting:
        item = _profile(member)
        before = _from_item(item)
        if call.if_match is not None and call.if_match != etag(before):
            raise StaleError("Somebody changed the member meanwhile: read it again.")
        program = _program(member, now)
        code = before.referral_code or (referral_code(member) if program and program.referral else None)
        new = replace(after(before, now), revision=before.revision + 1, referral_code=None if closing else code)
        seen[:] = [(item, before, new)]
        about = change_of(before, new, account.traits, reason)
        points = forfeit(account) if closing else Change()
        return Posting("changed", points, now, program.version if program else 0, member=about)

    def also() -> list[tables.Write]:
        item, before, new = seen[0]
        gone, come = _released(before, new), _claimed(before, new)
        forgotten = {"hash": ""} if closing else {}
        return [
            # The hash is of what was sent when the member joined: of who has left, not even that is kept.
            tables.Replace("members", item | _fields(new) | forgotten, expected={"revision": before.revision}),
            *(tables.Remove("members", {"key": one.claim_key()}, {"member": member}) for one in gone),
            *(_code_of(new) if new.referral_code != before.referral_code else ()),
            *_code_released(before, new),
            *(_claim(one, member) for one in come),
        ]

    def explain(reasons: Sequence[tables.Reason]) -> LoyaltyError | None:
        _, before, new = seen[0]
        come = _claimed(before, new)
        taken = [one.kind for one, reason in zip(come, reasons[len(reasons) - len(come) :], strict=True) if reason.item]
        return _taken(taken) if taken else None

    operation = Operation("change", call.source, call.key, content, call.correlation_id)
    committed = ledger.commit(ledger.Request(operation, Identity("id", member), decide, also, explain))
    return Enrolled(get(member), committed.replayed)


def _released(before: Member, after: Member) -> list[Identity]:
    kept = {one.claim_key() for one in after.identities}
    return [one for one in before.identities if one.claim_key() not in kept]


def _claimed(before: Member, after: Member) -> list[Identity]:
    had = {one.claim_key() for one in before.identities}
    return [one for one in after.identities if one.claim_key() not in had]


def _taken(kinds: Sequence[str]) -> MemberExistsError:
    return MemberExistsError(f"Another member has this {' and this '.join(kinds)}.", identities=list(kinds))


def audit(member: str, limit: int, below: int | None) -> list[Entry]:
    """Up to `limit` changes of a member, latest first. Raises MemberNotFoundError."""
    found = ledger.newest_first(member, below)
    ledger.load(member)
    return list(islice((entry for entry in found if entry.posting.kind == "changed"), limit))


def get(member: str) -> Member:
    """Raises MemberNotFoundError."""
    return _from_item(_profile(member))


def _profile(member: str) -> tables.Item:
    item = tables.get("members", {"key": profile_key(member)}, consistent=True)
    if item is None:
        raise MemberNotFoundError("No member has this id.")
    return item


def _to_item(member: Member, content: str) -> tables.Item:
    fixed = {
        "key": profile_key(member.id),
        "member": member.id,
        "hash": content,
        "enrolled_at": clock.to_text(member.enrolled_at),
        "source": member.source,
    }
    return fixed | _fields(member)


def _fields(member: Member) -> tables.Item:
    """What may change."""
    return {
        "identities": [asdict(identity) for identity in member.identities],
        "given_name": member.given_name,
        "family_name": member.family_name,
        "locale": member.locale,
        "status": member.status,
        "time_zone": member.time_zone,
        "birth_date": member.birth_date.isoformat() if member.birth_date else None,
        "country": member.country,
        "segments": list(member.segments),
        "attributes": dict(member.attributes),
        "consents": {
            name: [one.given, clock.to_text(one.at), one.how, one.wording] for name, one in member.consents.items()
        },
        "completed": member.completed,
        "merged_into": member.merged_into,
        "referral_code": member.referral_code,
        "revision": member.revision,
    }


def _from_item(item: tables.Item) -> Member:
    return Member(
        id=item["member"],
        identities=[Identity(**identity) for identity in item["identities"]],
        given_name=item["given_name"],
        family_name=item["family_name"],
        locale=item["locale"],
        enrolled_at=clock.from_text(item["enrolled_at"]),
        source=item["source"],
        status=item["status"],
        time_zone=item["time_zone"],
        birth_date=date.fromisoformat(item["birth_date"]) if item["birth_date"] else None,
        country=item["country"],
        segments=tuple(item["segments"]),
        attributes=item["attributes"],
        consents={
            name: Consent(given, clock.from_text(at), how, wording)
            for name, (given, at, how, wording) in item["consents"].items()
        },
        completed=item["completed"],
        merged_into=item["merged_into"],
        referral_code=item["referral_code"],
        revision=item["revision"],
    )


def card(member: str) -> tuple[str, str]:
    """The number of a member's card, and a picture of it to scan. Raises MemberNotFoundError, CardNotFoundError."""
    number = get(member).by_kind().get("card")
    if number is None:
        raise CardNotFoundError("This member has no card.")
    import segno  # not at the top: only this needs it

    return number, segno.make_qr(number, error="m").svg_inline(scale=4)
