"""HTTP at the edge: the resolver every `api.py` uses, problem documents, idempotent answers.

Every error of `errors.py` becomes a problem document (RFC 9457) by the one table below. Anything else is a fault of
ours: Powertools logs and re-raises it, Lambda counts it, the gateway answers 500.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as RouteNotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Header, Query
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from functions.runtime.errors import (
    FieldError,
    InvalidError,
    LoyaltyError,
    NotFoundError,
    OperationIdReusedError,
    ProgramNotActiveError,
    RefusedError,
    ReplayedRefusalError,
    ScopeMissingError,
    StaleError,
    TooManyGuessesError,
    TryAgainError,
)
from functions.runtime.observability import logger
from functions.runtime.validation import OperationId, field_errors

Handler: TypeAlias = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


class UnreadableError(LoyaltyError):
    """The body is not a JSON object."""

    code = "unreadable"
    title = "The body cannot be read"


PROBLEM = "application/problem+json"
LARGEST_BODY = 1_000_000
"""Bytes. A hundred ordinary baskets are smaller by far."""
_BASE64 = 4 / 3
STATUS: Mapping[type[LoyaltyError], HTTPStatus] = {
    UnreadableError: HTTPStatus.BAD_REQUEST,
    InvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ScopeMissingError: HTTPStatus.FORBIDDEN,
    OperationIdReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFoundError: HTTPStatus.NOT_FOUND,
    RefusedError: HTTPStatus.CONFLICT,
    ProgramNotActiveError: HTTPStatus.CONFLICT,
    StaleError: HTTPStatus.PRECONDITION_FAILED,
    TooManyGuessesError: HTTPStatus.TOO_MANY_REQUESTS,
    TryAgainError: HTTPStatus.SERVICE_UNAVAILABLE,
}

IdempotencyKey = Annotated[
    OperationId,
    Header(
        alias="Idempotency-Key",
        description="The caller's id of this write. A repeat with the same key answers what the first call answered.",
    ),
]


IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of the state you have seen: 412 where it is another by now."),
]


def scope(name: str) -> list[dict[str, list[str]]]:
    """The OpenAPI security of a route; the gateway is built from it."""
    return [{"oauth2": [f"loyalty/{name}"]}]


def resolver() -> APIGatewayHttpResolver:
    """A resolver that validates by type annotations and answers errors as problem documents."""
    app = APIGatewayHttpResolver(
        enable_validation=True,
        response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR,
        json_body_deserializer=_json_object,
    )

    app.exception_handler(LoyaltyError)(_known)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler([UnicodeDecodeError, binascii.Error])(_no_text)
    app.not_found(_no_route)
    return app


def handler_of(app: APIGatewayHttpResolver) -> Handler:
    """The Lambda handler of a resolver: answers, and logs one line per request."""

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        answer = _turned_away(event) or app.resolve(event, context)
        logger.info(
            "request",
            route=event.get("routeKey"),
            status=answer["statusCode"],
            correlation_id=event["requestContext"]["requestId"],
            caller=_claims(event).get("client_id"),
        )
        return answer

    return handler


def handler_without_bodies_of(app: APIGatewayHttpResolver) -> Handler:
    """The same for routes that read no body, whatever comes with it: a mail program posts a form."""
    handler = handler_of(app)
    return lambda event, context: handler({**event, "body": None, "isBase64Encoded": False}, context)


def html(status: HTTPStatus, page: str) -> Response[str]:
    """A page for people."""
    headers: dict[str, str | list[str]] = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(status_code=status, content_type="text/html", body=page, headers=headers)


def caller(app: APIGatewayHttpResolver) -> str:
    """The client id of the token that the gateway has checked: the source of what the caller writes."""
    return _claims(app.current_event.raw_event)["client_id"]


def scopes(app: APIGatewayHttpResolver) -> frozenset[str]:
    """What the caller's token allows, such as `loyalty/members.read`: they stand in one text (RFC 8693)."""
    return frozenset(_claims(app.current_event.raw_event).get("scope", "").split())


def correlation_id(app: APIGatewayHttpResolver) -> str:
    """The gateway's id of the request being answered."""
    request_id: str = app.current_event.raw_event["requestContext"]["requestId"]
    return request_id


def answer(status: HTTPStatus, body: BaseModel, *, replayed: bool = False, etag: str | None = None) -> Response[Any]:
    """A JSON answer; a repeat says so in its header."""
    headers: dict[str, str | list[str]] = {"Idempotency-Replayed": "true"} if replayed else {}
    headers |= {"ETag": etag} if etag else {}
    return Response(status_code=status, content_type="application/json", body=body, headers=headers)


def no_content() -> Response[str]:
    """The answer to what has nothing more to say."""
    return Response(status_code=HTTPStatus.NO_CONTENT, body="")


def answers(model: type[BaseModel], description: str) -> Any:
    """What OpenAPI says of one status of a route that answers with several."""
    return {"description": description, "content": {"application/json": {"model": model}}}


Limit = Annotated[int, Query(ge=1, le=200, description="Items on a page.")]
Cursor = Annotated[str | None, Query(max_length=40, description="`next_cursor` of the page before.")]


def to_cursor(position: int | None) -> str | None:
    """The opaque form of where the next page starts."""
    return None if position is None else base64.urlsafe_b64encode(f"n{position}".encode()).decode().rstrip("=")


def from_cursor(cursor: str | None) -> int | None:
    """Where a page starts. Raises InvalidError for a cursor that no page gave."""
    if cursor is None:
        return None
    try:
        return int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().removeprefix("n"))
    except ValueError as error:
        raise field_error("query:cursor", "cursor", "Use the next_cursor of the page before.") from error


def _is_json(event: dict[str, Any]) -> bool:
    """Whether the body says so of itself, in capital letters or small; then the resolver is told in small ones."""
    headers = event.get("headers") or {}
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if event.get("body") and content_type not in {"", "application/json"}:
        return False
    event["headers"] = {**headers, "content-type": "application/json"}
    return True


def _turned_away(event: dict[str, Any]) -> dict[str, Any] | None:
    """The answer to what no route should see."""
    if len((event.get("body") or "").encode()) > LARGEST_BODY * (_BASE64 if event.get("isBase64Encoded") else 1):
        status, error = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, UnreadableError(f"Send at most {LARGEST_BODY} bytes.")
    elif not _is_json(event):
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        error = UnreadableError("Send JSON with content-type application/json.")
    else:
        return None
    problem = {**error.problem(), "status": status.value}
    return {"statusCode": status.value, "headers": {"content-type": PROBLEM}, "body": json.dumps(problem)}


def _claims(event: Mapping[str, Any]) -> dict[str, str]:
    authorizer = event["requestContext"].get("authorizer") or {}
    claims: dict[str, str] = authorizer.get("jwt", {}).get("claims", {})
    return claims


def status_of(error: LoyaltyError) -> HTTPStatus:
    """The status that an error is answered with."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def _known(error: LoyaltyError) -> Response[str]:
    return _problem(error, status_of(error))


def _invalid(error: RequestValidationError) -> Response[str]:
    return _known(InvalidError(field_errors(error.errors())))


def _no_text(_error: ValueError) -> Response[str]:
    return _known(UnreadableError("The body is not text in UTF-8."))


def _no_route(_error: RouteNotFoundError) -> Response[str]:
    return _known(NotFoundError("There is no such path or method."))


def _problem(error: LoyaltyError, status: HTTPStatus) -> Response[str]:
    body = {**error.problem(), "status": status.value}
    headers: dict[str, str | list[str]] = {}
    if isinstance(error, TryAgainError):
        headers["Retry-After"] = "1"
    if isinstance(error, TooManyGuessesError):
        headers["Retry-After"] = str(error.members["retry_after"])
    if isinstance(error, ReplayedRefusalError):
        headers["Idempotency-Replayed"] = "true"
    return Response(status_code=status, content_type=PROBLEM, body=json.dumps(body), headers=headers)


def _json_object(text: str) -> dict[str, Any]:
    """Decode a body; NaN and Infinity are not JSON, and a list is not an object. Raises UnreadableError."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("The body is not valid JSON.") from error
    if not isinstance(value, dict):
        raise UnreadableError("The body must be a JSON object.")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def field_error(pointer: str, code: str, detail: str) -> InvalidError:
    """One bad field that only the rules could find."""
    return InvalidError([FieldError(pointer, code, detail)])
