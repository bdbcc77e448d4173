"""Every environment variable the functions read. All are set by the CDK app; a missing one is a deployment error.

A function has only the variables of what it may touch, so each is read when it is first needed, never at import.
"""

import json
import os
from typing import Literal

Table = Literal["members", "accounts", "entries", "rewards", "program", "messages", "webhooks", "feed"]


class SettingMissingError(RuntimeError):
    """An environment variable that the function needs is not set."""


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SettingMissingError(f"{name} is not set: this function was not granted what it tries to use")
    return value


def table(name: Table) -> str:
    """Physical name of a table: `MEMBERS_TABLE`, `ACCOUNTS_TABLE`, …"""
    return _required(f"{name.upper()}_TABLE")


def receipt_namespace(source: str) -> str:
    """In which namespace a source numbers its receipts: in its own, unless `RECEIPT_NAMESPACES` puts several into one,
    as in `{"<client id or bus source>": "stores", …}`."""
    namespaces: dict[str, str] = json.loads(os.environ.get("RECEIPT_NAMESPACES", "{}"))
    return namespaces.get(source, source)


def bus_name() -> str:
    """The event bus of the programme: `BUS_NAME`."""
    return _required("BUS_NAME")


def dead_letter_queue_url() -> str:
    """Where a queue consumer parks what it cannot read: `DEAD_LETTER_QUEUE_URL`."""
    return _required("DEAD_LETTER_QUEUE_URL")


def local_endpoints() -> bool:
    """Whether addresses of this machine may be called: only in the local stack (`LOCAL_ENDPOINTS`)."""
    return os.environ.get("LOCAL_ENDPOINTS") == "yes"


def supplier_secret() -> str:
    """Name of the secret that calls to suppliers are signed with: `SUPPLIER_SECRET`."""
    return _required("SUPPLIER_SECRET")


def links_secret() -> str:
    """Name of the secret that links in mails are made with: `LINKS_SECRET`."""
    return _required("LINKS_SECRET")


def api_url() -> str:
    """Where the API is, as readers of a mail reach it, with a slash at its end: `API_URL`."""
    return _required("API_URL")


def configuration_set() -> str:
    """What SES is to tell of mails that come back: `CONFIGURATION_SET`."""
    return _required("CONFIGURATION_SET")


def webhook_secret() -> str:
    """Name of the secret that the secrets of webhooks are made from: `WEBHOOK_SECRET`."""
    return _required("WEBHOOK_SECRET")


def scheduled_functions() -> list[str]:
    """Functions that the clock starts, which a sandbox starts itself: `SCHEDULED_FUNCTIONS`, separated by spaces."""
    return _required("SCHEDULED_FUNCTIONS").split()


def sender() -> str:
    """The address mails come from: `SENDER`."""
    return _required("SENDER")
