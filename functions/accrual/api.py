"""HTTP: earning."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from functions.accrual import store
from functions.accrual.contract import PurchaseIn, PurchaseOut, PurchaseStateOut, ReturnIn
from functions.ledger.contract import EffectOut
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
    committed = store.record_purchase(purchase, http.caller(app), http.correlation_id(app))
    return http.answer(HTTPStatus.CREATED, PurchaseOut.of(committed.entry), replayed=committed.replayed)


@app.post(
    "/v1/purchases/<purchase_id>/returns",
    summary="Take back what returned goods had earned",
    tags=["earning"],
    security=http.scope("earning.write"),
    status_code=HTTPStatus.CREATED,
)
def post_return(
    purchase_id: Annotated[OperationId, Path()], returned: Annotated[ReturnIn, Body()]
) -> Response[EffectOut]:
    """Line by line, never more than was bought. Points that are spent already follow the programme's policy."""
    committed = store.record_return(purchase_id, returned, http.caller(app), http.correlation_id(app))
    return http.answer(HTTPStatus.CREATED, EffectOut.of(committed.entry), replayed=committed.replayed)


@app.get(
    "/v1/purchases/<purchase_id>",
    summary="A purchase you reported",
    tags=["earning"],
    security=http.scope("earning.read"),
)
def get_purchase(purchase_id: Annotated[OperationId, Path()]) -> Response[PurchaseStateOut]:
    return http.answer(HTTPStatus.OK, PurchaseStateOut.of(store.find_purchase(purchase_id, http.caller(app))))
