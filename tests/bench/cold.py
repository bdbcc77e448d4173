"""Cold start: a handler's import and its DynamoDB client, over a bare botocore client. Fresh processes, interleaved."""

import os
import statistics
import subprocess
import sys

ROUNDS = 11
_TIMED = "import time; t = time.perf_counter(); {work}; print(time.perf_counter() - t)"
FLOOR = "import botocore.session as b; b.get_session().create_client('dynamodb', region_name='eu-west-1')"
HANDLERS = {
    "accrual-api": "functions.accrual.api",
    "ledger-api": "functions.ledger.api",
    "accrual-on-partner-event": "functions.accrual.on_partner_event",
    "ledger-on-account-change": "functions.ledger.on_account_change",
    "notifications-on-loyalty-event": "functions.notifications.on_loyalty_event",
}


def measure() -> dict[str, float]:
    """Medians in seconds; the floor first, under the name `botocore`."""
    works = {"botocore": FLOOR} | {
        name: f"import {module}; from functions.runtime import aws; aws.dynamodb()" for name, module in HANDLERS.items()
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            times[name].append(_once(work))
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def _once(work: str) -> float:
    environment = os.environ | {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", _TIMED.format(work=work)]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
