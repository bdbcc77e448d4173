"""The event bus: reading what came in over a queue, writing what happened.

Every inbound event ends in one of three ways, none of them silent:

    accepted      the same effect as the HTTPS call with the same body
    refused       `OperationRefused` on the bus, with the problem document
    malformed     parked in the queue's dead-letter queue, with the reason

What cannot be finished now goes back to the queue, and after five tries to the dead-letter queue by itself.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field

from functions.runtime import aws, clock, settings
from functions.runtime.envelope import SOURCE, OutboundEvent, envelope
from functions.runtime.errors import InvalidError, LoyaltyError, TryAgainError
from functions.runtime.observability import logger
from functions.runtime.validation import Instant, parse

_EVENTS_PER_CALL = 10


class PublishError(Exception):
    """The bus did not take every event; the whole must be tried again."""


class MalformedError(LoyaltyError):
    """The detail of an event is not what its type says."""

    code = "malformed"
    title = "The event cannot be read"


class Event(BaseModel):
    """An event as EventBridge delivers it."""

    model_config = ConfigDict(frozen=True)

    id: str
    source: str
    time: Instant
    detail_type: str = Field(alias="detail-type")
    detail: dict[str, Any]


Consume: TypeAlias = Callable[[Event], None]


def consumer(consume: Consume) -> Callable[[dict[str, Any], LambdaContext], dict[str, Any]]:
    """The Lambda handler of a queue that a bus rule fills: each record is consumed, refused, parked or tried again."""

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        batch = process_partial_response(event, lambda record: _take(record, consume), processor, context)
        logger.info("batch", records=len(event["Records"]), failed=len(batch["batchItemFailures"]))
        return dict(batch)

    return handler


def _take(record: SQSRecord, consume: Consume) -> None:
    try:
        event = parse(Event, json.loads(record.body))
    except (InvalidError, ValueError, RecursionError) as error:
        return _park(record, str(error) or "not JSON")
    try:
        consume(event)
    except MalformedError as error:
        _park(record, error.detail)
    except TryAgainError:
        logger.warning("event_postponed", event_id=event.id)
        raise
    except LoyaltyError as error:
        publish([refusal(event, error)])
        logger.info("event_refused", event_id=event.id, code=error.code)
    except Exception:
        logger.exception("event_failed", event_id=event.id)
        raise
    return None


Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], event: Event) -> Model:
    """The detail of an event as its model. Raises MalformedError that names every bad field."""
    try:
        return parse(model, event.detail)
    except InvalidError as error:
        raise MalformedError(error.detail) from error


def _park(record: SQSRecord, reason: str) -> None:
    aws.sqs().send_message(
        QueueUrl=settings.dead_letter_queue_url(),
        MessageBody=record.body,
        MessageAttributes={"reason": {"DataType": "String", "StringValue": reason[:500]}},
    )
    logger.error("event_parked", message_id=record.message_id)


def refusal(event: Event, error: LoyaltyError) -> OutboundEvent:
    """`OperationRefused`: which event was refused, and why."""
    data = {
        "refused_event_id": event.id,
        "refused_detail_type": event.detail_type,
        "refused_source": event.source,
        "operation_id": event.detail.get("id") or event.detail.get("idempotency_key"),
        "problem": error.problem(),
    }
    return envelope(
        "OperationRefused",
        data,
        event_id=f"refused#{event.id}",
        occurred_at=event.time,
        recorded_at=clock.now(),
        correlation_id=event.id,
    )


def publish(events: Sequence[OutboundEvent]) -> None:
    """Put events on the bus in order. Raises PublishError if one was not taken: those after it may be there already."""
    for start in range(0, len(events), _EVENTS_PER_CALL):
        answer = aws.events().put_events(
            Entries=[
                {
                    "EventBusName": settings.bus_name(),
                    "Source": SOURCE,
                    "DetailType": event.detail_type,
                    "Detail": json.dumps(event.detail),
                }
                for event in events[start : start + _EVENTS_PER_CALL]
            ]
        )
        if answer["FailedEntryCount"]:
            codes = sorted({entry["ErrorCode"] for entry in answer["Entries"] if "ErrorCode" in entry})
            raise PublishError(f"{answer['FailedEntryCount']} events were not taken: {', '.join(codes)}")
