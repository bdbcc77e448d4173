"""Cached AWS clients behind getters, so that an import never touches AWS.

botocore itself and not boto3, which brings its S3 transfer machinery into every cold start for nothing.
"""

from functools import cache
from typing import TYPE_CHECKING, cast

from botocore.client import BaseClient
from botocore.config import Config
from botocore.session import Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

# A call that hangs must fail while the caller still waits (10 s at the gateway's functions). Repeats by the SDK are
# safe: a transaction carries a client token, every other write is conditional or may happen twice.
_CONFIG = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=10
)


@cache
def dynamodb() -> "DynamoDBClient":
    return cast("DynamoDBClient", _client("dynamodb"))


@cache
def events() -> "EventBridgeClient":
    return cast("EventBridgeClient", _client("events"))


@cache
def sqs() -> "SQSClient":
    return cast("SQSClient", _client("sqs"))


@cache
def sesv2() -> "SESV2Client":
    return cast("SESV2Client", _client("sesv2"))


@cache
def sns() -> "SNSClient":
    return cast("SNSClient", _client("sns"))


@cache
def lambda_() -> "LambdaClient":
    """For a sandbox, which waits for what it starts; what it starts must not be started twice."""
    patient = Config(connect_timeout=1, read_timeout=25, retries={"total_max_attempts": 1})
    return cast("LambdaClient", Session().create_client("lambda", config=patient))


@cache
def secretsmanager() -> "SecretsManagerClient":
    return cast("SecretsManagerClient", _client("secretsmanager"))


def _client(service: str) -> BaseClient:
    return Session().create_client(service, config=_CONFIG)
