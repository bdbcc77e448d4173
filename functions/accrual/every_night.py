"""Scheduler: report the returns whose purchase never came."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ledger import awaiting
from functions.runtime import clock


def handler(_event: dict[str, Any], _context: LambdaContext) -> None:
    """Each ends as `OperationRefused` on the bus."""
    awaiting.report_overdue(clock.now())
