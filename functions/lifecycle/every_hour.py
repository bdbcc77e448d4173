"""Scheduler: let the members be visited for whom something is due, and tell of vouchers that have ended."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.lifecycle import ending, store

_RESERVE_MS = 30_000


def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    def time_is_left() -> bool:
        return context.get_remaining_time_in_millis() > _RESERVE_MS

    store.hand_out(time_is_left)
    ending.tell_of_ended(time_is_left)
