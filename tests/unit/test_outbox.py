"""What lies in the table until a message has gone out."""

import pytest

from functions.program.messages import outbox
from tests.unit.factories import NOW

ADA = "ada@example.com"
BOUNCED = {"suspended_email": {"why": "bounced", "of": outbox.digest(ADA)}}


@pytest.mark.parametrize(
    ("state", "channel", "address", "why"),
    [
        ({}, "email", ADA, None),
        (BOUNCED, "email", ADA, "bounced"),
        (BOUNCED, "email", "countess@example.com", None),
        (BOUNCED, "sms", ADA, None),
    ],
)
def test_only_the_address_that_did_not_work_is_suspended(
    state: dict[str, object], channel: str, address: str, why: str | None
) -> None:
    assert outbox.suspended_by(state, channel, address) == why


def test_an_address_cannot_be_read_from_its_digest() -> None:
    assert outbox.digest(ADA) != outbox.digest("countess@example.com")
    assert "ada" not in outbox.digest(ADA)


def test_members_wait_in_every_part_of_a_channel_and_in_no_other() -> None:
    waiting = {
        str(outbox.waiting(f"mem_{i}", "m#1#sms", "points_earned", "sms", NOW, NOW)["waiting"]) for i in range(100)
    }
    assert waiting == set(outbox.shards("sms"))
