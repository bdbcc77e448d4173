"""Scheduler: publish what the stream did not."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ledger import publishing
from functions.runtime import clock


def handler(_event: dict[str, Any], _context: LambdaContext) -> None:
    publishing.publish_forgotten(clock.now())
