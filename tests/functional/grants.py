"""What each function may call, as the CDK app grants it: a call beyond it works on moto and fails on AWS.

Every call that a function makes in a functional test is looked up in `infra/functions.py`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from functions.runtime import aws
from infra.functions import FUNCTIONS, BusEvents, FunctionSpec, Right

_SPECS = {spec.name: spec for spec in FUNCTIONS}


@dataclass
class Grants:
    """Watches the clients of the functions while one of the functions runs."""

    running: FunctionSpec | None = None
    beyond: set[str] = field(default_factory=set)
    mailed: list[Any] = field(default_factory=list)
    """Mails that SES took: the double keeps only a part of each."""

    def watch(self) -> None:
        self.mailed.clear()
        for client in (aws.dynamodb(), aws.events(), aws.sqs(), aws.sesv2(), aws.sns(), aws.secretsmanager()):
            client.meta.events.register("provide-client-params", self._note, unique_id="grants")

    @contextmanager
    def of(self, function: str) -> Iterator[None]:
        """Raises AssertionError at the end if the function called what it may not."""
        before, self.running = self.running, _SPECS[function]
        try:
            yield
        finally:
            self.running = before
        beyond, self.beyond = self.beyond, set()
        assert not beyond, f"{function} is not granted {sorted(beyond)}"

    def _note(self, params: Any, model: Any, **_: Any) -> None:
        if model.name == "SendEmail":
            self.mailed.append(params)
        if self.running is not None:
            service = model.service_model.service_name
            asked = _on_tables(model.name, params) if service == "dynamodb" else {f"{service} {model.name}"}
            self.beyond |= asked - _granted(self.running)


def _on_tables(operation: str, params: Any) -> set[str]:
    if operation == "TransactWriteItems":
        writes = [(kind, write) for item in params["TransactItems"] for kind, write in item.items()]
        return {f"{write['TableName']} {kind}Item" for kind, write in writes}
    if operation == "BatchGetItem":
        return {f"{table} {operation}" for table in params["RequestItems"]}
    index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
    return {f"{params['TableName']}{index} {operation}"}


def _granted(spec: FunctionSpec) -> set[str]:
    granted = {f"{table} {action}" for table, actions in spec.tables.items() for action in actions}
    granted |= {"events PutEvents"} if Right.PUBLISH in spec.rights else set()
    secrets = {Right.SIGN, Right.LINK, Right.WEBHOOK_SECRETS}
    granted |= {"secretsmanager GetSecretValue"} if secrets & set(spec.rights) else set()
    granted |= {"sns Publish"} if Right.TEXT in spec.rights else set()
    granted |= {"sesv2 SendEmail"} if Right.MAIL in spec.rights else set()
    granted |= {"program GetItem"} if os.environ.get("SANDBOX") == "yes" else set()  # where its time is
    return granted | ({"sqs SendMessage"} if isinstance(spec.trigger, BusEvents) else set())
