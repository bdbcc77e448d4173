"""HTTP: webhooks, what was delivered to them, and the feed of events."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from pydantic import Field

from functions.runtime import http
from functions.webhooks import registering
from functions.webhooks.contract import (
    DeliveriesOut,
    DeliveryOut,
    EventsOut,
    WebhookChangeIn,
    WebhookIn,
    WebhookOut,
    WebhooksOut,
)
from functions.webhooks.delivery import Status
from functions.webhooks.places import DELIVERY_ID

app = http.resolver()
handler = http.handler_of(app)

WebhookId = Annotated[str, Field(pattern=r"^whk_[a-z2-7]{20}$"), Path()]
DeliveryId = Annotated[str, Field(pattern=DELIVERY_ID), Path()]
After = Annotated[str | None, Query(max_length=100, description="`next_cursor` of the answer before.")]
READ, WRITE = http.scope("webhooks.read"), http.scope("webhooks.write")


@app.post(
    "/v1/webhooks",
    summary="Register an endpoint for events",
    tags=["webhooks"],
    security=WRITE,
    status_code=HTTPStatus.CREATED,
)
def post_webhook(webhook: Annotated[WebhookIn, Body()], idempotency_key: http.IdempotencyKey) -> Response[WebhookOut]:
    """Keep the `secret` of the answer: it is shown this once. It verifies that a call is ours."""
    made = registering.register(webhook, http.caller(app), idempotency_key)
    return http.answer(HTTPStatus.CREATED, made.webhook, replayed=made.replayed)


@app.get("/v1/webhooks", summary="The endpoints for events", tags=["webhooks"], security=READ)
def get_webhooks() -> Response[WebhooksOut]:
    return http.answer(HTTPStatus.OK, registering.everything())


@app.get("/v1/webhooks/<webhook_id>", summary="An endpoint for events", tags=["webhooks"], security=READ)
def get_webhook(webhook_id: WebhookId) -> Response[WebhookOut]:
    return http.answer(HTTPStatus.OK, registering.one(webhook_id))


@app.patch(
    "/v1/webhooks/<webhook_id>",
    summary="Change an endpoint, stop it or start it, or give it a new secret",
    tags=["webhooks"],
    security=WRITE,
)
def patch_webhook(webhook_id: WebhookId, change: Annotated[WebhookChangeIn, Body()]) -> Response[WebhookOut]:
    """What happens while it is disabled is not delivered to it; what waited before goes on when it is active again."""
    return http.answer(HTTPStatus.OK, registering.change(webhook_id, change))


@app.delete(
    "/v1/webhooks/<webhook_id>",
    summary="Delete an endpoint, and what waits for it",
    tags=["webhooks"],
    security=WRITE,
    status_code=HTTPStatus.NO_CONTENT,
)
def delete_webhook(webhook_id: WebhookId) -> Response[str]:
    registering.delete(webhook_id)
    return http.no_content()


@app.get(
    "/v1/webhooks/<webhook_id>/deliveries",
    summary="What was sent to an endpoint, newest first",
    tags=["webhooks"],
    security=READ,
)
def get_deliveries(
    webhook_id: WebhookId,
    status: Annotated[Status | None, Query(description="Only those of this status.")] = None,
    limit: http.Limit = 50,
    cursor: Annotated[str | None, Query(max_length=60, description="`next_cursor` of the page before.")] = None,
) -> Response[DeliveriesOut]:
    return http.answer(HTTPStatus.OK, registering.deliveries(webhook_id, status, limit, cursor))


@app.post(
    "/v1/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver",
    summary="Send an event to an endpoint again",
    tags=["webhooks"],
    security=WRITE,
    status_code=HTTPStatus.ACCEPTED,
)
def redeliver(webhook_id: WebhookId, delivery_id: DeliveryId) -> Response[DeliveryOut]:
    """Whatever has become of it before, under the same `webhook-id`."""
    return http.answer(HTTPStatus.ACCEPTED, registering.redeliver(webhook_id, delivery_id))


@app.get(
    "/v1/events", summary="What happened, in the order of the feed", tags=["events"], security=http.scope("events.read")
)
def get_events(after: After = None, limit: http.Limit = 50) -> Response[EventsOut]:
    """The last 30 days at least, up to some seconds ago. An event may stand here twice: `event_id` tells."""
    return http.answer(HTTPStatus.OK, registering.feed(after, limit))
