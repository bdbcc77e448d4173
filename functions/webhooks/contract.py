"""What goes in and out of webhooks and of the feed."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from functions.runtime import settings
from functions.runtime.validation import Input, Output
from functions.webhooks.catalogue import EventType
from functions.webhooks.delivery import Attempt, Delivery, Status
from functions.webhooks.endpoint import LONGEST_URL, Endpoint, Health, refusal_of


def _callable(url: str) -> str:
    why = refusal_of(url, local=settings.local_endpoints())
    if why:
        raise PydanticCustomError("url", "{why}", {"why": why})
    return url


Url = Annotated[
    str,
    Field(max_length=LONGEST_URL, description="Public, https, without a user or a fragment."),
    AfterValidator(_callable),
]


def _some(types: tuple[EventType, ...]) -> tuple[EventType, ...]:
    """Not by the length that pydantic checks: it does not count what is wrong, and would name the list as well."""
    if not types:
        raise PydanticCustomError("nothing", "Name one type at least, or leave it out for all")
    return types


Types = Annotated[
    tuple[EventType, ...],
    Field(strict=False, description="Which events; all of them if left out.", json_schema_extra={"minItems": 1}),
    AfterValidator(_some),
]
Description = Annotated[str, Field(min_length=1, max_length=200, description="For people.")]


class WebhookIn(Input):
    """Where events are wanted, and which."""

    url: Url
    types: Types | None = None
    description: Description | None = None


class WebhookChangeIn(Input):
    """What to change. What is left out stays; `types: null` means all events, `description: null` none."""

    url: Url | None = None
    types: Types | None = None
    description: Description | None = None
    status: Literal["active", "disabled"] | None = None
    rotate_secret: Annotated[
        bool, Field(description="Make a new secret. The one before signs as well for 24 hours more.")
    ] = False

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing", "Say what to change")
        for name in self.model_fields_set & {"url", "status"}:
            if getattr(self, name) is None:
                raise PydanticCustomError("nothing", "{name} cannot be null", {"name": name})
        return self


class WebhookOut(Output):
    """An endpoint. `types`: null for all events. `secret`: only when it was just made. `gone`: it was disabled because
    it answered 410. `failing_since`: nothing could be delivered since then."""

    webhook_id: str
    url: str
    types: list[str] | None
    description: str | None
    status: Literal["active", "disabled"]
    gone: bool
    created_at: datetime
    last_delivered_at: datetime | None
    failing_since: datetime | None
    secret: str | None

    @classmethod
    def of(cls, endpoint: Endpoint, health: Health, secret: str | None = None) -> Self:
        return cls(
            webhook_id=endpoint.id,
            url=endpoint.url,
            types=None if endpoint.types is None else sorted(endpoint.types),
            description=endpoint.description,
            status="active" if endpoint.status == "active" else "disabled",
            gone=endpoint.gone,
            created_at=endpoint.created_at,
            last_delivered_at=health.last_delivered_at,
            failing_since=health.failing_since,
            secret=secret,
        )


class WebhooksOut(Output):
    """All endpoints, oldest first: there are never many."""

    items: list[WebhookOut]


class AttemptOut(Output):
    """A try: the `status` that was answered, or the `error` that kept it from being answered."""

    at: datetime
    status: int | None
    error: str | None
    milliseconds: int

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        return cls(**attempt._asdict())


class DeliveryOut(Output):
    """An event on its way to an endpoint. `attempts`: the last ten. `next_attempt_at`: of one that waits."""

    delivery_id: str
    event_id: str
    type: str
    status: Status
    attempts: list[AttemptOut]
    next_attempt_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        return cls(
            delivery_id=delivery.id,
            event_id=delivery.event_id,
            type=delivery.type,
            status=delivery.status,
            attempts=[AttemptOut.of(one) for one in delivery.attempts],
            next_attempt_at=delivery.due_at,
        )


class DeliveriesOut(Output):
    """A page of the log of an endpoint, newest first. It may hold less than asked for although more follow."""

    items: list[DeliveryOut]
    next_cursor: str | None


class EventOut(Output):
    """An event, just as a webhook gets it."""

    type: EventType
    timestamp: datetime
    metadata: dict[str, Any]
    data: dict[str, Any]


class EventsOut(Output):
    """Some events. Go on with `next_cursor`, at once where `items` are as many as asked for, else after a while."""

    items: list[EventOut]
    next_cursor: str
