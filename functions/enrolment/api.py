"""HTTP: members."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from functions.enrolment import changing, exporting, profiles, store
from functions.enrolment.contract import (
    AuditOut,
    AuditPageOut,
    CardOut,
    ExportOut,
    MemberIn,
    MemberOut,
    MemberPatchIn,
    MergeIn,
    PreferencesIn,
    PreferencesOut,
    ReasonIn,
)
from functions.enrolment.member import Member
from functions.ledger.contract import Card, Email, ExternalId, MemberId, MemberRef, Phone
from functions.ledger.identity import check_may_name
from functions.ledger.store import resolve
from functions.runtime import http
from functions.runtime.validation import parse

app = http.resolver()
handler = http.handler_of(app)


@app.post(
    "/v1/members",
    summary="Enrol a member",
    tags=["members"],
    security=http.scope("members.write"),
    status_code=HTTPStatus.CREATED,
)
def post_member(member: Annotated[MemberIn, Body()], idempotency_key: http.IdempotencyKey) -> Response[MemberOut]:
    """Every identity given must be nobody else's."""
    check_may_name(member.given(), http.scopes(app))
    enrolled = store.enrol(member, http.caller(app), idempotency_key)
    return http.answer(HTTPStatus.CREATED, MemberOut.of(enrolled.member), replayed=enrolled.replayed)


@app.get("/v1/members", summary="Find a member by an identity", tags=["members"], security=http.scope("members.read"))
def find_member(
    external_id: Annotated[ExternalId | None, Query()] = None,
    card: Annotated[Card | None, Query()] = None,
    email: Annotated[Email | None, Query()] = None,
    phone: Annotated[Phone | None, Query()] = None,
) -> Response[MemberOut]:
    """Exactly one identity; the answer is the member, or 404."""
    given = {"external_id": external_id, "card": card, "email": email, "phone": phone}
    reference = parse(MemberRef, {kind: value for kind, value in given.items() if value is not None})
    return _answered(profiles.get(resolve(reference.identity(http.caller(app)))))


@app.get("/v1/members/<member_id>", summary="A member", tags=["members"], security=http.scope("members.read"))
def get_member(member_id: Annotated[MemberId, Path()]) -> Response[MemberOut]:
    """The `ETag` names this state of the profile: send it back as `If-Match` to change no other."""
    return _answered(profiles.get(member_id))


@app.patch("/v1/members/<member_id>", summary="Change a member", tags=["members"], security=http.scope("members.write"))
def patch_member(
    member_id: Annotated[MemberId, Path()],
    patch: Annotated[MemberPatchIn, Body()],
    idempotency_key: http.IdempotencyKey,
    if_match: http.IfMatch = None,
) -> Response[MemberOut]:
    """What is not named stays, null removes. Identities are claimed and released with it, or nothing is changed."""
    check_may_name(patch.given(), http.scopes(app))
    return _changed(changing.update(member_id, patch, _call(idempotency_key, if_match)))


@app.delete(
    "/v1/members/<member_id>",
    summary="Let a member go, and forget who it was",
    tags=["members"],
    security=http.scope("members.write"),
)
def delete_member(member_id: Annotated[MemberId, Path()], idempotency_key: http.IdempotencyKey) -> Response[MemberOut]:
    """Everything personal is removed, and points are forfeited. The entries stay, without anything personal."""
    return _changed(changing.erase(member_id, _call(idempotency_key)))


@app.post(
    "/v1/members/<member_id>/merge",
    summary="Give everything of a member to another, who is the same person",
    tags=["members"],
    security=http.scope("members.write"),
)
def merge_member(
    member_id: Annotated[MemberId, Path()], merge: Annotated[MergeIn, Body()], idempotency_key: http.IdempotencyKey
) -> Response[MemberOut]:
    """Points with their days, tier, what was counted, and identities. What still comes for this id is the other's."""
    return _changed(changing.merge(member_id, merge, _call(idempotency_key)))


@app.get(
    "/v1/members/<member_id>/export",
    summary="All that is kept of a member",
    tags=["members"],
    security=http.scope("members.read"),
)
def export_member(member_id: Annotated[MemberId, Path()]) -> Response[ExportOut]:
    """One document to give to the member. That it was asked for is noted."""
    return http.answer(HTTPStatus.OK, exporting.export(member_id, _call(f"export-{http.correlation_id(app)}")))


@app.post(
    "/v1/members/<member_id>/suspend",
    summary="Let a member earn and spend nothing for a while",
    tags=["members"],
    security=http.scope("members.write"),
)
def suspend_member(
    member_id: Annotated[MemberId, Path()],
    reason: Annotated[ReasonIn, Body()],
    idempotency_key: http.IdempotencyKey,
) -> Response[MemberOut]:
    """Returns are still taken, and points expire as they would."""
    return _changed(changing.suspend(member_id, reason, _call(idempotency_key)))


@app.post(
    "/v1/members/<member_id>/reinstate",
    summary="End a suspension",
    tags=["members"],
    security=http.scope("members.write"),
)
def reinstate_member(
    member_id: Annotated[MemberId, Path()],
    reason: Annotated[ReasonIn, Body()],
    idempotency_key: http.IdempotencyKey,
) -> Response[MemberOut]:
    return _changed(changing.reinstate(member_id, reason, _call(idempotency_key)))


@app.get(
    "/v1/members/<member_id>/card",
    summary="A member's card, to scan",
    tags=["members"],
    security=http.scope("members.read"),
)
def get_card(member_id: Annotated[MemberId, Path()]) -> Response[CardOut]:
    number, picture = changing.card(member_id)
    return http.answer(HTTPStatus.OK, CardOut(card=number, qr_svg=picture))


@app.get(
    "/v1/members/<member_id>/preferences",
    summary="What a member agreed to",
    tags=["members"],
    security=http.scope("members.read"),
)
def get_preferences(member_id: Annotated[MemberId, Path()]) -> Response[PreferencesOut]:
    """By channel and purpose: when, how, and to which wording."""
    return http.answer(HTTPStatus.OK, PreferencesOut.of(profiles.get(member_id)))


@app.put(
    "/v1/members/<member_id>/preferences",
    summary="Note what a member agrees to, or does not any more",
    tags=["members"],
    security=http.scope("members.write"),
)
def put_preferences(
    member_id: Annotated[MemberId, Path()],
    preferences: Annotated[PreferencesIn, Body()],
    idempotency_key: http.IdempotencyKey,
) -> Response[PreferencesOut]:
    """Consents that are not named stay as they are."""
    changed = changing.set_preferences(member_id, preferences, _call(idempotency_key))
    return http.answer(HTTPStatus.OK, PreferencesOut.of(changed.member), replayed=changed.replayed)


@app.get(
    "/v1/members/<member_id>/audit",
    summary="Who changed a member, what and when",
    tags=["members"],
    security=http.scope("members.read"),
)
def get_audit(
    member_id: Annotated[MemberId, Path()], limit: http.Limit = 50, cursor: http.Cursor = None
) -> Response[AuditPageOut]:
    """Latest first. What is personal is named, and not shown."""
    entries = changing.audit(member_id, limit, http.from_cursor(cursor))
    following = entries[-1].n if len(entries) == limit else None
    page = AuditPageOut(items=[AuditOut.of(entry) for entry in entries], next_cursor=http.to_cursor(following))
    return http.answer(HTTPStatus.OK, page)


def _call(key: str, if_match: str | None = None) -> changing.Call:
    return changing.Call(http.caller(app), key, http.correlation_id(app), if_match)


def _answered(member: Member) -> Response[MemberOut]:
    return http.answer(HTTPStatus.OK, MemberOut.of(member), etag=changing.etag(member))


def _changed(changed: changing.Changed) -> Response[MemberOut]:
    etag = changing.etag(changed.member)
    return http.answer(HTTPStatus.OK, MemberOut.of(changed.member), replayed=changed.replayed, etag=etag)
