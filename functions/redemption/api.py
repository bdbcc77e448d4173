"""HTTP: rewards, redemptions, vouchers."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from pydantic import Field

from functions.program.store import active
from functions.redemption import store
from functions.redemption.contract import CatalogueOut, RedemptionIn, RedemptionOut, RewardOut, VoucherStateOut
from functions.runtime import clock, http

app = http.resolver()
handler = http.handler_of(app)

RedemptionId = Annotated[str, Field(pattern=r"^rdm_[a-z2-7]{20}$"), Path()]


@app.get("/v1/rewards", summary="What points can buy", tags=["rewards"], security=http.scope("rewards.read"))
def get_rewards() -> Response[CatalogueOut]:
    program = active()
    offered = sorted((reward.points, reward.id) for reward in program.rewards.values() if reward.points is not None)
    rewards = [RewardOut.of(program.rewards[reward], points, program) for points, reward in offered]
    return http.answer(HTTPStatus.OK, CatalogueOut(items=rewards))


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
    redeemed = store.redeem(redemption, http.caller(app), idempotency_key, http.correlation_id(app))
    return http.answer(HTTPStatus.CREATED, RedemptionOut.of_redeemed(redeemed), replayed=redeemed.replayed)


@app.post(
    "/v1/redemptions/<redemption_id>/capture",
    summary="Make a held redemption final",
    tags=["rewards"],
    security=http.scope("redemptions.write"),
)
def post_capture(redemption_id: RedemptionId) -> Response[RedemptionOut]:
    """Of capture and cancel, whichever comes first counts; the other is refused."""
    redeemed = store.capture(redemption_id, http.caller(app), http.correlation_id(app))
    return http.answer(HTTPStatus.OK, RedemptionOut.of_redeemed(redeemed), replayed=redeemed.replayed)


@app.post(
    "/v1/redemptions/<redemption_id>/cancel",
    summary="Give a held redemption up",
    tags=["rewards"],
    security=http.scope("redemptions.write"),
)
def post_cancel(redemption_id: RedemptionId) -> Response[RedemptionOut]:
    """The points go back to the lots they came from, with their days."""
    redeemed = store.cancel(redemption_id, http.caller(app), http.correlation_id(app))
    return http.answer(HTTPStatus.OK, RedemptionOut.of_redeemed(redeemed), replayed=redeemed.replayed)


@app.get(
    "/v1/redemptions/<redemption_id>",
    summary="A redemption",
    tags=["rewards"],
    security=http.scope("redemptions.read"),
)
def get_redemption(redemption_id: RedemptionId) -> Response[RedemptionOut]:
    redeemed = store.find_redemption(redemption_id)
    return http.answer(HTTPStatus.OK, RedemptionOut.of_redeemed(redeemed))


@app.get(
    "/v1/vouchers/<code>", summary="What a voucher is worth", tags=["rewards"], security=http.scope("redemptions.read")
)
def get_voucher(code: Annotated[str, Path(max_length=40)]) -> Response[VoucherStateOut]:
    """The code as a person may have typed it: spaces and hyphens do not matter, O is read as 0, I and L as 1."""
    return http.answer(HTTPStatus.OK, VoucherStateOut.on(store.find_voucher(code), clock.now().date()))
