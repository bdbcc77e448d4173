"""Whether a message goes out on a channel, and when. Pure.

no address     nothing to send it to            suspended    the address does not work: it bounced, or complained
no consent     marketing that nobody agreed to  unsubscribed no account news are wanted
capped         enough for a day or a week       quiet hours  later, not never
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from functions.program.messages.catalogue import Channel, Kind
from functions.program.model import Messages

DAY, WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is written to. `addresses` by channel; `consents` by channel and purpose; `suspended`: channels that do not
    work, and why; `sent`: when something that is counted went out, by channel."""

    locale: str
    given_name: str | None
    zone: ZoneInfo
    addresses: Mapping[str, str] = field(default_factory=dict)
    consents: Mapping[str, bool] = field(default_factory=dict)
    suspended: Mapping[str, str] = field(default_factory=dict)
    sent: Mapping[str, Sequence[datetime]] = field(default_factory=dict)


class Plan(NamedTuple):
    """`why` it is not sent, or `at` which instant it is."""

    at: datetime
    why: str | None = None


def plan(kind: Kind, channel: Channel, reader: Reader, messages: Messages, now: datetime) -> Plan:
    """What becomes of a message on a channel."""
    if channel not in reader.addresses:
        return Plan(now, "no_address")
    if channel in reader.suspended:
        return Plan(now, reader.suspended[channel])
    if kind.purpose == "service":
        return Plan(now)
    agreed = reader.consents.get(f"{channel}/{kind.purpose}")
    if kind.purpose == "marketing" and not agreed:
        return Plan(now, "no_consent")
    if agreed is False:
        return Plan(now, "unsubscribed")
    if kind.capped and _is_enough(reader.sent.get(channel, ()), messages, now):
        return Plan(now, "capped")
    return Plan(quiet_until(messages, reader.zone, now))


def _is_enough(sent: Sequence[datetime], messages: Messages, now: datetime) -> bool:
    limits = ((messages.per_day, DAY), (messages.per_week, WEEK))
    return any(most and sum(now - at < span for at in sent) >= most for most, span in limits)


def quiet_until(messages: Messages, zone: ZoneInfo, now: datetime) -> datetime:
    """The end of the quiet hours, or now where there are none."""
    if messages.quiet is None:
        return now
    start, end = messages.quiet
    local = now.astimezone(zone)
    if not _is_between(local.time(), start, end):
        return now
    day = local.date() if local.time() < end else local.date() + DAY
    until = datetime.combine(day, end, zone)
    # Where the clock is put back over that time, it comes twice, and the first may be over.
    return max(until.astimezone(UTC), until.replace(fold=local.fold).astimezone(UTC))


def _is_between(at: time, start: time, end: time) -> bool:
    return start <= at < end if start < end else at >= start or at < end
