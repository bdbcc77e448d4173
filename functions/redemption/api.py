"""HTTP: rewards, redemptions, vouchers."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from pydantic import Field

from functions.ledger.contract import EffectOut, MemberId
from functions.ledger.identity import check_may_name
from functions.redemption import browsing, fulfilling, stocking, store, vouchers
from functions.redemption.contract import (
    CaptureIn,
    CatalogueOut,
    FulfilmentIn,
    MemberRewardsOut,
    RedemptionIn,
    RedemptionOut,
    RefundIn,
    RewardOut,
    StockIn,
    StockOut,
    VoucherPictureOut,
    VoucherStateOut,
    VoucherUsedOut,
    VoucherUseIn,
)
from functions.redemption.spending import Redeemed
from functions.runtime import http
from functions.runtime.validation import Id

app = http.resolver()
handler = http.handler_of(app)

RedemptionId = Annotated[str, Field(pattern=r"^rdm_[a-z2-7]{20}$"), Path()]
RewardId = Annotated[Id, Path()]
TypedCode = Annotated[str, Path(max_length=40)]


@app.get("/v1/rewards", summary="What points can buy", tags=["rewards"], security=http.scope("rewards.read"))
def get_rewards() -> Response[CatalogueOut]:
    return http.answer(HTTPStatus.OK, browsing.catalogue())


@app.get("/v1/rewards/<reward_id>", summary="A reward", tags=["rewards"], security=http.scope("rewards.read"))
def get_reward(reward_id: RewardId) -> Response[RewardOut]:
    return http.answer(HTTPStatus.OK, browsing.one(reward_id))


@app.post(
    "/v1/rewards/<reward_id>/stock",
    summary="Put pieces of a reward on the shelf, or take some away",
    tags=["rewards"],
    security=http.scope("rewards.write"),
)
def post_stock(
    reward_id: RewardId, stock: Annotated[StockIn, Body()], idempotency_key: http.IdempotencyKey
) -> Response[StockOut]:
    """For a reward whose pieces the programme counts; in the present period, where it counts them by period."""
    level = stocking.change(reward_id, stock.change, http.caller(app), idempotency_key)
    return http.answer(HTTPStatus.OK, StockOut(reward_id=level.reward, left=level.left), replayed=level.replayed)


@app.get(
    "/v1/members/<member_id>/rewards",
    summary="What a member can have, and how far the next reward is",
    tags=["rewards"],
    security=http.scope("members.read"),
)
def get_member_rewards(member_id: Annotated[MemberId, Path()]) -> Response[MemberRewardsOut]:
    return http.answer(HTTPStatus.OK, browsing.for_member(member_id))


@app.post(
    "/v1/redemptions",
    summary="Spend points on a reward",
    tags=["rewards"],
    security=http.scope("redemptions.write"),
    status_code=HTTPStatus.CREATED,
)
def post_redemption(
    redemption: Annotated[RedemptionIn, Body()], idempotency_key: http.IdempotencyKey
) -> Response[RedemptionOut]:
    """A refusal stays one for its Idempotency-Key: to try again later, use a new key."""
    check_may_name(redemption.member.model_fields_set, http.scopes(app))
    redeemed = store.redeem(redemption, http.caller(app), idempotency_key, http.correlation_id(app))
    return _answer(redeemed, HTTPStatus.CREATED)


@app.post(
    "/v1/redemptions/<redemption_id>/capture",
    summary="Make a held redemption final",
    tags=["rewards"],
    security=http.scope("redemptions.write"),
)
def post_capture(
    redemption_id: RedemptionId, part: Annotated[CaptureIn | None, Body()] = None
) -> Response[RedemptionOut]:
    """Of capture, cancel and the end of the hold, whichever comes first counts; the others are refused."""
    return _answer(store.capture(redemption_id, part, http.caller(app), http.correlation_id(app)))


@app.post(
    "/v1/redemptions/<redemption_id>/cancel",
    summary="Give a held redemption up",
    tags=["rewards"],
    security=http.scope("redemptions.write"),
)
def post_cancel(redemption_id: RedemptionId) -> Response[RedemptionOut]:
    """The points go back to the lots they came from, with their days."""
    return _answer(store.cancel(redemption_id, http.caller(app), http.correlation_id(app)))


@app.post(
    "/v1/redemptions/<redemption_id>/refund",
    summary="Undo a redemption",
    tags=["rewards"],
    security=http.scope("redemptions.write"),
)
def post_refund(
    redemption_id: RedemptionId, part: Annotated[RefundIn | None, Body()] = None
) -> Response[RedemptionOut]:
    """The points go back to the lots they came from, the piece to the stock, and the voucher is taken back, unless it
    was used."""
    return _answer(store.refund(redemption_id, part, http.caller(app), http.correlation_id(app)))


@app.post(
    "/v1/redemptions/<redemption_id>/fulfilment",
    summary="Say that a reward was handed over, or cannot be",
    tags=["rewards"],
    security=http.scope("redemptions.write"),
)
def post_fulfilment(
    redemption_id: RedemptionId, fulfilment: Annotated[FulfilmentIn, Body()]
) -> Response[RedemptionOut]:
    """For rewards that a person or a supplier hands over. Where it failed, the points come back by themselves."""
    return _answer(fulfilling.note(redemption_id, fulfilment, http.caller(app), http.correlation_id(app)))


@app.get(
    "/v1/redemptions/<redemption_id>",
    summary="A redemption",
    tags=["rewards"],
    security=http.scope("redemptions.read"),
)
def get_redemption(redemption_id: RedemptionId) -> Response[RedemptionOut]:
    return http.answer(HTTPStatus.OK, RedemptionOut.of_redeemed(store.find_redemption(redemption_id)))


@app.get(
    "/v1/vouchers/<code>", summary="What a voucher is worth", tags=["rewards"], security=http.scope("redemptions.read")
)
def get_voucher(code: TypedCode) -> Response[VoucherStateOut]:
    """The code as a person may have typed it: spaces and hyphens do not matter, O is read as 0, I and L as 1."""
    return http.answer(HTTPStatus.OK, vouchers.find(code, http.caller(app)))


@app.get(
    "/v1/vouchers/<code>/qr", summary="A voucher, to scan", tags=["rewards"], security=http.scope("redemptions.read")
)
def get_voucher_picture(code: TypedCode) -> Response[VoucherPictureOut]:
    return http.answer(HTTPStatus.OK, vouchers.picture(code, http.caller(app)))


@app.post(
    "/v1/vouchers/<code>/use",
    summary="Let a voucher pay a part of a purchase",
    tags=["rewards"],
    security=http.scope("redemptions.write"),
)
def post_voucher_use(
    code: TypedCode, purchase: Annotated[VoucherUseIn, Body()], idempotency_key: http.IdempotencyKey
) -> Response[VoucherUsedOut]:
    """The answer says how much it pays, by line. Send what is left to pay as the purchase's amounts."""
    used = vouchers.use(code, purchase, http.caller(app), idempotency_key, http.correlation_id(app))
    effect, use = EffectOut.of(used.entry), used.entry.posting.used
    assert use
    return http.answer(HTTPStatus.OK, VoucherUsedOut.of_use(effect, use), replayed=used.replayed)


def _answer(redeemed: Redeemed, status: HTTPStatus = HTTPStatus.OK) -> Response[RedemptionOut]:
    return http.answer(status, RedemptionOut.of_redeemed(redeemed), replayed=redeemed.replayed)
