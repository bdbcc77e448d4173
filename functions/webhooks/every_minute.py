"""Scheduler: let what waits for endpoints be sent, where nobody sends at the moment."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.webhooks import telling


def handler(_event: dict[str, Any], _context: LambdaContext) -> None:
    telling.tell_what_waits()
