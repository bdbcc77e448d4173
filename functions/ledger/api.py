"""HTTP: the wallet. What a member has and how it came about."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.ledger import store
from functions.ledger.contract import BalanceSheetOut, MemberId, StatementEntryOut, StatementOut
from functions.program import store as programs
from functions.runtime import clock, http

app = http.resolver()
handler = http.handler_of(app)


@app.get(
    "/v1/members/<member_id>/balance",
    summary="What the member has",
    tags=["wallet"],
    security=http.scope("members.read"),
)
def get_balance(member_id: Annotated[MemberId, Path()]) -> Response[BalanceSheetOut]:
    account, now = store.load(member_id), clock.now()
    return http.answer(HTTPStatus.OK, BalanceSheetOut.of(account, now, programs.zone_of(member_id, now)))


@app.get(
    "/v1/members/<member_id>/ledger",
    summary="The account statement, latest first",
    tags=["wallet"],
    security=http.scope("members.read"),
)
def get_ledger(
    member_id: Annotated[MemberId, Path()], limit: http.Limit = 50, cursor: http.Cursor = None
) -> Response[StatementOut]:
    entries = store.statement(member_id, limit, http.from_cursor(cursor))
    following = entries[-1].n if entries and entries[-1].n > 1 else None
    page = StatementOut(items=[StatementEntryOut.of(entry) for entry in entries], next_cursor=http.to_cursor(following))
    return http.answer(HTTPStatus.OK, page)
