"""HTTP: earning."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from functions.accrual import batching, calculating, store
from functions.accrual.contract import (
    ActivityIn,
    AdjustmentIn,
    BatchIn,
    BatchOut,
    CalculationIn,
    CalculationOut,
    DecisionIn,
    PurchaseIn,
    PurchaseOut,
    PurchaseStateOut,
    ReturnIn,
    WaitingOut,
    naming,
)
from functions.accrual.returning import Waiting
from functions.ledger.contract import EffectOut, MemberId
from functions.ledger.identity import check_may_name
from functions.runtime import http
from functions.runtime.validation import OperationId

app = http.resolver()
handler = http.handler_of(app)


@app.post(
    "/v1/purchases",
    summary="Report a purchase and earn",
    tags=["earning"],
    security=http.scope("earning.write"),
    status_code=HTTPStatus.CREATED,
)
def post_purchase(purchase: Annotated[PurchaseIn, Body()]) -> Response[PurchaseOut]:
    """The receipt number is the operation id: the same receipt earns once, however often it is sent."""
    committed = store.record(_report(purchase))
    return http.answer(HTTPStatus.CREATED, PurchaseOut.of(committed.entry), replayed=committed.replayed)


@app.post(
    "/v1/purchases/calculate",
    summary="What a basket would bring",
    tags=["earning"],
    security=http.scope("earning.read"),
)
def calculate_purchase(basket: Annotated[CalculationIn, Body()]) -> Response[CalculationOut]:
    """For a member, or for somebody who could become one. Nothing is written."""
    check_may_name(naming(basket), http.scopes(app))
    return http.answer(HTTPStatus.OK, calculating.calculate(basket, http.caller(app)))


@app.post(
    "/v1/purchases/<purchase_id>/returns",
    summary="Take back what returned goods had earned",
    tags=["earning"],
    security=http.scope("earning.write"),
    status_code=HTTPStatus.CREATED,
    responses={
        HTTPStatus.CREATED: http.answers(EffectOut, "What the purchase had earned is taken back"),
        HTTPStatus.ACCEPTED: http.answers(WaitingOut, "The purchase has not come yet: the return waits for it"),
    },
)
def post_return(
    purchase_id: Annotated[OperationId, Path()], returned: Annotated[ReturnIn, Body()]
) -> Response[EffectOut | WaitingOut]:
    """Line by line, never more than was bought. Points that are spent already follow the programme's policy."""
    outcome = store.record_return(_report(returned.of(purchase_id)))
    if isinstance(outcome, Waiting):
        return http.answer(HTTPStatus.ACCEPTED, WaitingOut.of(outcome))
    return http.answer(HTTPStatus.CREATED, EffectOut.of(outcome.entry), replayed=outcome.replayed)


@app.get(
    "/v1/purchases/<purchase_id>",
    summary="A purchase you reported",
    tags=["earning"],
    security=http.scope("earning.read"),
)
def get_purchase(purchase_id: Annotated[OperationId, Path()]) -> Response[PurchaseStateOut]:
    return http.answer(HTTPStatus.OK, PurchaseStateOut.of(store.find_purchase(purchase_id, http.caller(app))))


@app.post(
    "/v1/activities",
    summary="Report an activity and earn",
    tags=["earning"],
    security=http.scope("earning.write"),
    status_code=HTTPStatus.CREATED,
)
def post_activity(activity: Annotated[ActivityIn, Body()]) -> Response[EffectOut]:
    """What an activity earns that needs to be confirmed is pending until then."""
    return _booked(activity)


@app.post(
    "/v1/activities/<activity_id>/confirm",
    summary="Confirm an activity that waits for it",
    tags=["earning"],
    security=http.scope("earning.write"),
    status_code=HTTPStatus.CREATED,
)
def confirm_activity(activity_id: Annotated[OperationId, Path()]) -> Response[EffectOut]:
    """What it earned becomes active."""
    return _booked(DecisionIn(activity_id=activity_id, decision="confirmed"))


@app.post(
    "/v1/activities/<activity_id>/decline",
    summary="Decline an activity that waits to be confirmed",
    tags=["earning"],
    security=http.scope("earning.write"),
    status_code=HTTPStatus.CREATED,
)
def decline_activity(activity_id: Annotated[OperationId, Path()]) -> Response[EffectOut]:
    """What it earned goes, and it counts for nothing."""
    return _booked(DecisionIn(activity_id=activity_id, decision="declined"))


@app.post(
    "/v1/members/<member_id>/adjustments",
    summary="Give or take points by hand",
    tags=["earning"],
    security=http.scope("adjustments.write"),
    status_code=HTTPStatus.CREATED,
)
def post_adjustment(
    member_id: Annotated[MemberId, Path()], adjustment: Annotated[AdjustmentIn, Body()]
) -> Response[EffectOut]:
    """With a reason for the statement. Never more than is there is taken."""
    committed = store.adjust(member_id, adjustment, http.caller(app), http.correlation_id(app))
    return http.answer(HTTPStatus.CREATED, EffectOut.of(committed.entry), replayed=committed.replayed)


@app.post(
    "/v1/batches",
    summary="Report up to 100 purchases, activities and returns",
    tags=["earning"],
    security=http.scope("earning.write"),
)
def post_batch(batch: Annotated[BatchIn, Body()]) -> Response[BatchOut]:
    """Each has a result of its own. Those of status 503 were not written and may be sent again."""
    results = batching.carry_out(batch.operations, http.caller(app), http.scopes(app), http.correlation_id(app))
    return http.answer(HTTPStatus.OK, results)


def _booked(body: ActivityIn | DecisionIn) -> Response[EffectOut]:
    committed = store.record(_report(body))
    return http.answer(HTTPStatus.CREATED, EffectOut.of(committed.entry), replayed=committed.replayed)


def _report(body: store.Body) -> store.Report:
    check_may_name(naming(body), http.scopes(app))
    return store.Report(body, http.caller(app), http.correlation_id(app))
