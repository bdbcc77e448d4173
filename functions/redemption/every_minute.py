"""Scheduler: end the holds whose time is over."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.redemption import store


def handler(_event: dict[str, Any], _context: LambdaContext) -> None:
    store.end_holds()
