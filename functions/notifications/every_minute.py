"""Scheduler: let go out what has waited: for the end of the quiet hours, or for a channel to work again."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.notifications import telling
from functions.runtime.observability import logger


def handler(_event: dict[str, Any], _context: LambdaContext) -> None:
    for channel in telling.DUE:
        logger.info("messages_due", channel=channel, messages=telling.wake(channel))
