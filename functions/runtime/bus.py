"""The event bus: reading what came in over a queue, writing what happened.

Every inbound event ends in one of three ways, none of them silent:

    accepted      the same effect as the HTTPS call with the same body
    refused       `OperationRefused` on the bus, with the problem document; where the member or the activity it is
                  about is not there, only after some tries, for that may be on its way
    malformed     parked in the queue's dead-letter queue, with the reason

What cannot be finished now goes back to the queue, and after five tries to the dead-letter queue by itself.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field

from functions.runtime import aws, clock, settings
from functions.runtime.envelope import SOURCE, OutboundEvent, envelope
from functions.runtime.errors import (
    ActivityNotFoundError,
    InvalidError,
    LoyaltyError,
    MemberNotFoundError,
    TryAgainError,
)
from functions.runtime.observability import logger
from functions.runtime.validation import Instant, parse

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

_EVENTS_PER_CALL, _BYTES_PER_CALL, _ENVELOPE_BYTES = 10, 256 * 1024, 100
TRIES = 5
"""How often a queue hands an event over before it is a dead letter."""

Result = TypeVar("Result")


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


class FailedError(Exception):
    """Something of ours broke while an event was consumed; it was logged, and the event must come again."""


Record: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]
Outcome: TypeAlias = Exception | None
"""What became of an event: None where it was accepted."""


def consumer(consume: Callable[[Event], None]) -> Handler:
    """The Lambda handler of a queue that a bus rule fills: event by event."""
    return batch_consumer(lambda events: [_guarded(partial(consume, event)) for event in events])


def batch_consumer(consume: Callable[[Sequence[Event]], Sequence[Outcome]]) -> Handler:
    """The same for a function that takes all the events of a batch at once, and answers with an outcome for each."""

    def handler(batch: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
        records = [(record, event) for record in batch["Records"] if (event := _readable(record))]
        outcomes = _outcomes(consume, [event for _, event in records])
        again = [
            record["messageId"]
            for (record, event), outcome in zip(records, outcomes, strict=True)
            if outcome and _must_come_again(record, event, outcome)
        ]
        logger.info("batch", records=len(batch["Records"]), failed=len(again))
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}

    return handler


def _outcomes(consume: Callable[[Sequence[Event]], Sequence[Outcome]], events: Sequence[Event]) -> Sequence[Outcome]:
    """What became of each event; where the batch as a whole broke, each is tried alone, so that one spoils no other."""
    outcomes = _guarded(partial(consume, events))
    if not isinstance(outcomes, Exception):
        return outcomes
    if len(events) == 1:
        return [outcomes]
    return [outcome for event in events for outcome in _outcomes(consume, [event])]


def _guarded(act: Callable[[], Result]) -> Result | Exception:
    """What `act` gives, or why it gives nothing. The edge: what breaks is logged, and goes back to the queue instead of
    up, so that it fails alone."""
    try:
        return act()
    except LoyaltyError as error:
        return error
    except Exception:  # noqa: BLE001  the edge
        logger.exception("event_failed")
        return FailedError()


def _readable(record: Record) -> Event | None:
    try:
        return parse(Event, json.loads(record["body"]))
    except (InvalidError, ValueError, RecursionError) as error:
        _park(record, str(error) or "not JSON")
        return None


def _must_come_again(record: Record, event: Event, outcome: Exception) -> bool:
    """Deal with an event that was not accepted; True if it must come again."""
    if isinstance(outcome, MalformedError):
        _park(record, outcome.detail)
        return False
    if isinstance(outcome, _MAY_COME_YET) and _tries(record) < TRIES - 1:
        logger.info("event_waits", event_id=event.id, code=outcome.code)
        return True
    if isinstance(outcome, LoyaltyError) and not isinstance(outcome, TryAgainError):
        logger.info("event_refused", event_id=event.id, code=outcome.code)
        return _guarded(partial(publish, [refusal(event, outcome)])) is not None
    # What is to be tried again says why in words of ours; another failure was logged where it was caught.
    why = outcome.detail if isinstance(outcome, TryAgainError) else "failed"
    logger.warning("event_postponed", event_id=event.id, why=why)
    return True


_MAY_COME_YET = (MemberNotFoundError, ActivityNotFoundError)
"""What an event may be about before it is there: nothing orders the events of partners."""


def _tries(record: Record) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])


Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], event: Event) -> Model:
    """The detail of an event as its model. Raises MalformedError that names every bad field."""
    try:
        return parse(model, event.detail)
    except InvalidError as error:
        raise MalformedError("; ".join(f"{_known(wrong.pointer)}: {wrong.detail}" for wrong in error.errors)) from error


def _known(pointer: str) -> str:
    """A pointer without names that we did not give: a partner's may be anything, an address even."""
    return "/".join(step if re.fullmatch(r"[a-z_]*|[0-9]+", step) else "?" for step in pointer.split("/"))


def _park(record: Record, reason: str) -> None:
    aws.sqs().send_message(
        QueueUrl=settings.dead_letter_queue_url(),
        MessageBody=record["body"],
        MessageAttributes={"reason": {"DataType": "String", "StringValue": reason[:500]}},
    )
    logger.error("event_parked", message_id=record["messageId"])


def refusal(event: Event, error: LoyaltyError) -> OutboundEvent:
    """`OperationRefused`: which event was refused, and why."""
    return refusal_of(
        event_id=event.id,
        detail_type=event.detail_type,
        source=event.source,
        operation_id=next((event.detail[name] for name in _IDS if event.detail.get(name)), None),
        problem=error.problem(),
        occurred_at=event.time,
    )


_IDS = ("id", "idempotency_key", "activity_id")
"""Where the events of partners carry the id of their operation."""


def refusal_of(
    *,
    event_id: str,
    detail_type: str,
    source: str,
    operation_id: str | None,
    problem: Mapping[str, object],
    occurred_at: datetime,
) -> OutboundEvent:
    """`OperationRefused` for what came as an event of this type, or might have."""
    data = {
        "refused_event_id": event_id,
        "refused_detail_type": detail_type,
        "refused_source": source,
        "operation_id": operation_id,
        "problem": problem,
    }
    return envelope(
        "OperationRefused",
        data,
        event_id=f"refused#{event_id}",
        occurred_at=occurred_at,
        recorded_at=clock.now(),
        correlation_id=event_id,
    )


def publish(events: Sequence[OutboundEvent]) -> None:
    """Put events on the bus in order. Raises PublishError if one was not taken: those after it may be there already."""
    for entries in _calls(events):
        answer = aws.events().put_events(Entries=entries)
        if answer["FailedEntryCount"]:
            codes = sorted({entry["ErrorCode"] for entry in answer["Entries"] if "ErrorCode" in entry})
            raise PublishError(f"{answer['FailedEntryCount']} events were not taken: {', '.join(codes)}")


def _calls(events: Sequence[OutboundEvent]) -> Iterator[list["PutEventsRequestEntryTypeDef"]]:
    """The events in as few calls as their number and size allow."""
    entries: list[PutEventsRequestEntryTypeDef] = []
    size = 0
    for event in events:
        detail = json.dumps(event.detail)
        more = len(detail) + len(event.detail_type) + _ENVELOPE_BYTES
        if entries and (len(entries) == _EVENTS_PER_CALL or size + more > _BYTES_PER_CALL):
            yield entries
            entries, size = [], 0
        size += more
        entries.append(
            {
                "EventBusName": settings.bus_name(),
                "Source": SOURCE,
                "DetailType": event.detail_type,
                "Detail": detail,
            }
        )
    if entries:
        yield entries
