"""How the command line reaches a deployed programme: the API as a partner sees it, and AWS below it.

Nothing else in the command line knows how to authenticate.
"""

import json
import os
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import botocore.session
import httpx
from botocore.config import Config

from cli.errors import ExplainedError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

# A token is renewed this long before its end, so that none expires on its way to the gateway.
_RENEW_BEFORE_SECONDS = 60
# The first call of a function on this machine starts a process, unpacks the package and imports it.
_TIMEOUT_SECONDS = 30.0


class NotConnectedError(ExplainedError):
    """There is no stack to reach, or it does not let us in; the message says what to do."""


class ClientCredentials(httpx.Auth):
    """OAuth 2.0 client credentials: a token with the first request, another before it ends or when it is refused."""

    def __init__(self, token_url: str, client_id: str, client_secret: str) -> None:
        self._token_url = token_url
        self._basic = httpx.BasicAuth(client_id, client_secret)
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self.token()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            request.headers["Authorization"] = f"Bearer {self._current(refused=token)}"
            yield request

    def token(self) -> str:
        """A token that is good for a while."""
        return self._current(refused="")

    def _current(self, refused: str) -> str:
        """The token to use; `refused` is one that no longer serves. Threads that wait share the one fetched."""
        with self._lock:
            if time.monotonic() >= self._good_until or self._token == refused:
                self._fetch()
            return self._token

    def _fetch(self) -> None:
        answer = httpx.post(
            self._token_url, data={"grant_type": "client_credentials"}, auth=self._basic, trust_env=False
        )
        if answer.status_code != httpx.codes.OK:
            raise NotConnectedError(f"{self._token_url} gave no token: {answer.status_code} {answer.text}")
        token = answer.json()
        self._token = token["access_token"]
        self._good_until = time.monotonic() + token["expires_in"] - _RENEW_BEFORE_SECONDS


@dataclass(frozen=True)
class Connection:
    """The address of one deployed programme; `table_names` maps `members` to `fidelio-local-members` and so on."""

    api_url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: list[str]
    bus_name: str
    table_names: dict[str, str]
    endpoint_url: str
    region: str
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _making: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    @classmethod
    def read(cls, path: Path) -> "Connection":
        """Read what LocalStack.deploy wrote. Raises NotConnectedError when it has not run."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            raise NotConnectedError(f"Nothing is deployed here ({path} is missing): run `make up` first.") from None

    @cached_property
    def _credentials(self) -> ClientCredentials:
        return ClientCredentials(self.token_url, self.client_id, self.client_secret)

    def token(self) -> str:
        """A bearer token, to show or to hand on."""
        return self._credentials.token()

    @cached_property
    def api(self) -> httpx.Client:
        """The HTTPS API with our token on every request: `connection.api.get("/v1/health")`."""
        return httpx.Client(
            base_url=self.api_url,
            auth=self._credentials,
            timeout=_TIMEOUT_SECONDS,
            trust_env=False,
        )

    def close(self) -> None:
        """Close the API's connections. Only a process that goes on without the stack needs to."""
        self.api.close()

    @overload
    def aws(self, service: Literal["cloudformation"]) -> "CloudFormationClient": ...
    @overload
    def aws(self, service: Literal["cognito-idp"]) -> "CognitoIdentityProviderClient": ...
    @overload
    def aws(self, service: Literal["dynamodb"]) -> "DynamoDBClient": ...
    @overload
    def aws(self, service: Literal["dynamodbstreams"]) -> "DynamoDBStreamsClient": ...
    @overload
    def aws(self, service: Literal["events"]) -> "EventBridgeClient": ...
    @overload
    def aws(self, service: Literal["lambda"]) -> "LambdaClient": ...
    @overload
    def aws(self, service: Literal["scheduler"]) -> "EventBridgeSchedulerClient": ...
    @overload
    def aws(self, service: Literal["sesv2"]) -> "SESV2Client": ...
    @overload
    def aws(self, service: Literal["sqs"]) -> "SQSClient": ...
    def aws(self, service: Any) -> Any:
        """A client of one AWS service, made once; clients may be shared between threads, making them may not."""
        with self._making:
            if service not in self._clients:
                self._clients[service] = aws_client(service, self.endpoint_url, self.region)
            return self._clients[service]


def aws_client(service: str, endpoint_url: str, region: str) -> Any:
    """A client of the emulator at `endpoint_url`, whatever profiles and proxies the user has for the real AWS."""
    own = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    return botocore.session.Session(session_vars=own).create_client(
        service,
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106  the emulator's only account
        config=Config(proxies={}),
    )
