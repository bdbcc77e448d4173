"""Scheduler: prove the books."""

from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ledger import proving

_RESERVE_MS = 60_000
metrics = Metrics()


@metrics.log_metrics
def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    """The infrastructure raises an alarm on `AccountsInDrift`."""
    night = proving.prove_some(lambda: context.get_remaining_time_in_millis() > _RESERVE_MS)
    metrics.add_metric(name="AccountsProved", unit=MetricUnit.Count, value=night.proved)
    metrics.add_metric(name="AccountsInDrift", unit=MetricUnit.Count, value=len(night.drifts))
