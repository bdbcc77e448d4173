"""Mails that did not arrive, or were not welcome: the address gets nothing more, and the message is noted as lost."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from functions.notifications import store
from functions.notifications.channels import message_of_tag
from functions.runtime import bus
from functions.runtime.observability import logger

_WHY: Mapping[str, str] = {"Bounce": "bounced", "Complaint": "complained"}


class Mail(BaseModel):
    """The mail that it is about."""

    tags: dict[str, list[str]]
    destination: list[str] = []


class Returned(BaseModel):
    """What SES says of a mail, as far as we need it."""

    eventType: str  # noqa: N815  as SES calls it
    mail: Mail
    bounce: dict[str, Any] | None = None


def take_back(event: bus.Event) -> None:
    """Note that a mail came back. One that could not be delivered for now is tried by SES itself, and is no news."""
    returned = bus.read(Returned, event)
    why = _WHY.get(returned.eventType)
    if why is None or (returned.bounce and returned.bounce.get("bounceType") != "Permanent"):
        return
    try:
        [member], [tag] = returned.mail.tags["member"], returned.mail.tags["message"]
        message = message_of_tag(tag)
    except (KeyError, ValueError):
        logger.info("not_our_mail")
        return
    row = store.find(member, message)
    if row is None:  # who has left is written to no more, and nothing of the address is kept
        logger.info("nobody_to_suspend", member=member)
        return
    for address in returned.mail.destination:
        store.suspend(member, "email", address, why)
    store.settle(row, why)
    logger.warning("address_suspended", member=member, why=why)
