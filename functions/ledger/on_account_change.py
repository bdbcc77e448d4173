"""Stream of the accounts table: publish what was committed."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ledger import publishing


def handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Raises when anything was not published: the batch comes again, and what was published comes twice."""
    publishing.publish_changes([record["dynamodb"] for record in event["Records"]])
