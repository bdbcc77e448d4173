"""Whether a message goes out on a channel, and when: consents, addresses, caps, and the night on the member's clock."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from functions.notifications.deciding import Plan, Reader, plan, quiet_until
from functions.program.messages.catalogue import BY_ID, CHANNELS, KINDS, Channel
from functions.program.model import Messages

PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
"""Eight o'clock in Paris."""
NIGHT = Messages(quiet=(time(21), time(8)))
ADDRESSES = {"email": "ada@example.com", "sms": "+33600000011"}
OF = {"service": "welcome", "account": "points_expiring", "marketing": "birthday"}


def a_reader(**more: Any) -> Reader:
    return Reader(**{"locale": "fr", "given_name": "Ada", "zone": PARIS, "addresses": ADDRESSES, **more})


def planned(
    purpose: str, reader: Reader, messages: Messages = NIGHT, at: datetime = NOON, channel: Channel = "email"
) -> Plan:
    return plan(BY_ID[OF[purpose]], channel, reader, messages, at)


# --- the catalogue -------------------------------------------------------------------------------------------------


def test_what_a_message_is_for_is_decided_once() -> None:
    assert {kind.id: (kind.purpose, kind.capped) for kind in KINDS} == {
        "welcome": ("service", False),
        "points_earned": ("account", True),
        "points_expiring": ("account", False),
        "tier_reached": ("account", False),
        "tier_at_risk": ("account", False),
        "reward_ready": ("service", False),
        "voucher_issued": ("service", False),
        "birthday": ("marketing", True),
        "referral_completed": ("account", True),
        "goodbye": ("service", False),
    }


def test_what_was_asked_for_is_never_capped() -> None:
    assert [kind.id for kind in KINDS if kind.purpose == "service" and kind.capped] == []


# --- consent -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["email", "sms"])
@pytest.mark.parametrize(
    ("purpose", "agreed", "why"),
    [
        ("service", None, None),
        ("service", False, None),
        ("account", None, None),
        ("account", True, None),
        ("account", False, "unsubscribed"),
        ("marketing", None, "no_consent"),
        ("marketing", False, "no_consent"),
        ("marketing", True, None),
    ],
)
def test_what_a_member_said_decides_what_goes_out(
    channel: Channel, purpose: str, agreed: bool | None, why: str | None
) -> None:
    consents = {} if agreed is None else {f"{channel}/{purpose}": agreed}
    assert planned(purpose, a_reader(consents=consents), channel=channel) == Plan(NOON, why)


@pytest.mark.parametrize("other", ["sms/account", "email/marketing", "email/service"])
def test_what_was_said_of_another_channel_or_purpose_decides_nothing(other: str) -> None:
    assert planned("account", a_reader(consents={other: False})).why is None


def test_consent_for_mails_is_none_for_text_messages() -> None:
    reader = a_reader(consents={"email/marketing": True})
    assert [planned("marketing", reader, channel=channel).why for channel in ("email", "sms")] == [None, "no_consent"]


# --- addresses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", OF)
@pytest.mark.parametrize("channel", ["email", "sms"])
def test_without_an_address_nothing_is_sent(purpose: str, channel: Channel) -> None:
    other = {name: address for name, address in ADDRESSES.items() if name != channel}
    assert planned(purpose, a_reader(addresses=other), channel=channel).why == "no_address"


@pytest.mark.parametrize("purpose", OF)
@pytest.mark.parametrize("why", ["bounced", "complained"])
def test_to_an_address_that_does_not_work_nothing_is_sent_not_even_what_was_asked_for(purpose: str, why: str) -> None:
    reader = a_reader(suspended={"email": why}, consents={"email/marketing": True})
    assert planned(purpose, reader).why == why


def test_a_channel_that_does_not_work_stands_in_no_others_way() -> None:
    assert planned("service", a_reader(suspended={"email": "bounced"}), channel="sms").why is None


# --- not too often -------------------------------------------------------------------------------------------------


def ago(*hours: float) -> Sequence[datetime]:
    return [NOON - timedelta(hours=one) for one in hours]


CAPS = [
    (0, 0, ago(1, 2, 3, 4), None),
    (2, 0, ago(1), None),
    (2, 0, ago(1, 2), "capped"),
    (2, 0, ago(1, 23.99), "capped"),
    (2, 0, ago(1, 24), None),
    (0, 3, ago(1, 2), None),
    (0, 3, ago(1, 100, 167.99), "capped"),
    (0, 3, ago(1, 100, 168), None),
    (5, 3, ago(1, 100, 160), "capped"),
    (1, 50, ago(2), "capped"),
    (1, 0, ago(-1), "capped"),
]


@pytest.mark.parametrize(("per_day", "per_week", "sent", "why"), CAPS)
def test_a_member_gets_no_more_than_the_programme_says(
    per_day: int, per_week: int, sent: Sequence[datetime], why: str | None
) -> None:
    messages = Messages(per_day=per_day, per_week=per_week)
    reader = a_reader(sent={"email": sent})
    assert plan(BY_ID["points_earned"], "email", reader, messages, NOON) == Plan(NOON, why)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.capped], ids=lambda kind: kind.id)
def test_a_warning_and_what_was_asked_for_go_out_however_much_there_was(kind: Any) -> None:
    reader = a_reader(sent={"email": ago(1, 2, 3)})
    assert plan(kind, "email", reader, Messages(per_day=1, per_week=1), NOON).why is None


def test_what_went_out_on_one_channel_is_not_counted_on_another() -> None:
    reader = a_reader(sent={"email": ago(1)})
    decided = [plan(BY_ID["points_earned"], channel, reader, Messages(per_day=1), NOON).why for channel in CHANNELS[:2]]
    assert decided == ["capped", None]


# --- the night -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("purpose", "at"), [("service", MIDNIGHT), ("account", MORNING), ("marketing", MORNING)])
def test_at_night_only_what_was_asked_for_goes_out_and_the_rest_in_the_morning(purpose: str, at: datetime) -> None:
    reader = a_reader(consents={"email/marketing": True})
    assert planned(purpose, reader, at=MIDNIGHT) == Plan(at)


def test_what_does_not_go_out_at_all_does_not_wait_for_the_morning() -> None:
    assert planned("account", a_reader(consents={"email/account": False}), at=MIDNIGHT).at == MIDNIGHT


WINDOWS: Mapping[str, tuple[str, str, str, str, str]] = {
    # zone, from, to, now (local, with its offset), until
    "before it begins": ("Europe/Paris", "21:00", "08:00", "2026-11-21T20:59:59+01:00", "2026-11-21T20:59:59+01:00"),
    "when it begins": ("Europe/Paris", "21:00", "08:00", "2026-11-21T21:00:00+01:00", "2026-11-22T08:00:00+01:00"),
    "before midnight": ("Europe/Paris", "21:00", "08:00", "2026-11-21T23:59:59+01:00", "2026-11-22T08:00:00+01:00"),
    "at midnight": ("Europe/Paris", "21:00", "08:00", "2026-11-22T00:00:00+01:00", "2026-11-22T08:00:00+01:00"),
    "before it ends": ("Europe/Paris", "21:00", "08:00", "2026-11-22T07:59:59+01:00", "2026-11-22T08:00:00+01:00"),
    "when it ends": ("Europe/Paris", "21:00", "08:00", "2026-11-22T08:00:00+01:00", "2026-11-22T08:00:00+01:00"),
    "at noon": ("Europe/Paris", "12:00", "14:00", "2026-11-22T13:00:00+01:00", "2026-11-22T14:00:00+01:00"),
    "after noon": ("Europe/Paris", "12:00", "14:00", "2026-11-22T14:00:00+01:00", "2026-11-22T14:00:00+01:00"),
    "from midnight": ("Europe/Paris", "00:00", "06:00", "2026-11-22T00:00:00+01:00", "2026-11-22T06:00:00+01:00"),
    "to midnight": ("Europe/Paris", "22:00", "00:00", "2026-11-22T23:00:00+01:00", "2026-11-23T00:00:00+01:00"),
    "the year's last": ("Europe/Paris", "21:00", "08:00", "2026-12-31T22:00:00+01:00", "2027-01-01T08:00:00+01:00"),
    "in New York": ("America/New_York", "21:00", "08:00", "2026-11-21T22:00:00-05:00", "2026-11-22T08:00:00-05:00"),
    "in Kathmandu": ("Asia/Kathmandu", "21:00", "08:00", "2026-11-22T02:00:00+05:45", "2026-11-22T08:00:00+05:45"),
    "a shorter night": ("Europe/Paris", "21:00", "08:00", "2026-03-28T22:00:00+01:00", "2026-03-29T08:00:00+02:00"),
    "a longer night": ("Europe/Paris", "21:00", "08:00", "2026-10-24T22:00:00+02:00", "2026-10-25T08:00:00+01:00"),
    "an end that is skipped": (
        "Europe/Paris",
        "21:00",
        "02:30",
        "2026-03-29T01:59:00+01:00",
        "2026-03-29T03:30:00+02:00",
    ),
    "an end that was skipped": (
        "Europe/Paris",
        "21:00",
        "02:30",
        "2026-03-29T03:00:00+02:00",
        "2026-03-29T03:00:00+02:00",
    ),
    "the first of two ends": (
        "Europe/Paris",
        "21:00",
        "02:30",
        "2026-10-25T02:15:00+02:00",
        "2026-10-25T02:30:00+02:00",
    ),
    "the second of two ends": (
        "Europe/Paris",
        "21:00",
        "02:30",
        "2026-10-25T02:15:00+01:00",
        "2026-10-25T02:30:00+01:00",
    ),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_quiet_hours_are_those_of_the_members_clock(name: str) -> None:
    zone, start, end, now, until = WINDOWS[name]
    messages = Messages(quiet=(time.fromisoformat(start), time.fromisoformat(end)))
    found = quiet_until(messages, ZoneInfo(zone), datetime.fromisoformat(now).astimezone(UTC))
    assert found == datetime.fromisoformat(until)
    assert found.tzinfo is UTC


def test_without_quiet_hours_nothing_waits() -> None:
    assert quiet_until(Messages(), PARIS, MIDNIGHT) == MIDNIGHT


@pytest.mark.parametrize(
    "quiet", [(time(21), time(8)), (time(1), time(2, 30)), (time(2, 30), time(1)), (time(0), time(23, 59))]
)
@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24", "2026-11-21"])
def test_what_has_waited_goes_out_when_it_is_due_and_not_before_it_came(quiet: tuple[time, time], day: str) -> None:
    """Deferred, never dropped: at the instant it is put off to it is quiet no more, at every quarter of two days."""
    messages, start = Messages(quiet=quiet), datetime.fromisoformat(f"{day}T00:00:00+00:00")
    for quarter in range(4 * 48):
        now = start + quarter * timedelta(minutes=15)
        until = quiet_until(messages, PARIS, now)
        assert now <= until <= now + timedelta(hours=25)
        assert quiet_until(messages, PARIS, until) == until
