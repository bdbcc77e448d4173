"""A consumer of the programme's events that drops what it has seen: copy it, and put your own work in `act`.

An event comes at least once. `metadata.event_id` is the same whenever it comes again, so it is what is remembered, in a
DynamoDB table of your own with the key `id` (text) and the expiry `expiration`. An event whose work failed is not
remembered as done: it comes again from the queue.

Wire it as rule -> queue -> this function, with partial batch responses and a dead-letter queue.
"""

import json
import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

SEVEN_DAYS = 7 * 24 * 3600

logger = Logger()
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
seen = DynamoDBPersistenceLayer(table_name=os.environ["SEEN_TABLE"])
once = IdempotencyConfig(
    event_key_jmespath="detail.metadata.event_id", expires_after_seconds=SEVEN_DAYS, raise_on_no_idempotency_key=True
)


@idempotent_function(  # type: ignore[untyped-decorator]
    data_keyword_argument="event", persistence_store=seen, config=once
)
def act(event: dict[str, Any]) -> None:
    """Your work. It is done once for each event."""
    data = event["detail"]["data"]
    logger.info("points_seen", member=data["member_id"], points=data["points"])


def take(record: SQSRecord) -> None:
    act(event=json.loads(record.body))


def handler(batch: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    once.register_lambda_context(context)
    return dict(process_partial_response(batch, take, processor, context))
