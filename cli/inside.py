"""Running code of `functions` in this process as if it were deployed: on the deployed tables, with its settings."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from cli.connection import Connection
from functions.runtime import aws


@contextmanager
def inside(connection: Connection) -> Iterator[None]:
    """While it lasts, `functions` reads and writes the deployed tables."""
    settings = {f"{name.upper()}_TABLE": table for name, table in connection.table_names.items()} | {
        "BUS_NAME": connection.bus_name,
        "AWS_ENDPOINT_URL": connection.endpoint_url,
        "AWS_DEFAULT_REGION": connection.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    with patch.dict(os.environ, settings):
        _forget_clients()
        yield
    _forget_clients()


def _forget_clients() -> None:
    for client in (aws.dynamodb, aws.events, aws.sqs, aws.sesv2):
        client.cache_clear()
