"""Scheduler: let the members be visited for whom something is due."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.lifecycle import store

_RESERVE_MS = 30_000


def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    store.hand_out(lambda: context.get_remaining_time_in_millis() > _RESERVE_MS)
