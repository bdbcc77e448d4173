"""A programme in which time does everything that it can do, and what it takes to let it pass."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from functions.ledger import store as ledger
from tests.functional.conftest import Json, Service, publish_program
from tests.functional.engaged import account

TIMED = """
program: record-shop
name: {en: Record Club, fr: Le Club du disque}
currency: USD
time_zone: Europe/Paris

points:
  pending_days: 3
  expire: {after_days: 60}

reminders: {points_expire_days: 10, tier_at_risk_days: 20, lapsing_after_days: 90}

tiers:
  window: quarter
  held: next_window
  levels:
    - {id: member, text: {en: Member, fr: Membre}}
    - {id: silver, text: {en: Silver, fr: Argent}, reach: [{spend: 50000}]}

groups: {base: all}

earning:
  - {id: every-dollar, group: base, points: 1, per: 100, text: {en: 1 per dollar, fr: 1 par dollar}}
  - {id: birthday, group: base, on: birthday, points: 50, text: {en: Happy birthday, fr: Bon anniversaire}}
  - {id: year, group: base, on: enrolment_anniversary, points: 20, text: {en: A year with us, fr: Un an avec nous}}

conversions:
  - id: quarterly
    text: {en: Your quarter, fr: Votre trimestre}
    reward: quarter
    months: [2, 5, 8, 11]
    minimum_points: 200
    each: {points: 100, value: 500}

rewards:
  - {id: quarter, kind: voucher, value: 500, valid_days: 30, text: {en: 5 dollars off, fr: 5 dollars offerts}}
  - {id: voucher-1, kind: voucher, points: 10, value: 100, valid_days: 90, text: {en: 1 dollar, fr: 1 dollar}}
"""
NO_REMINDERS = TIMED.replace("reminders: {points_expire_days: 10, tier_at_risk_days: 20, lapsing_after_days: 90}\n", "")
PARIS = ZoneInfo("Europe/Paris")
_NEVER_THE_SAME = ("revision", "updated_at", "latest")


def timed(service: Service, text: str = TIMED) -> Service:
    """The service with this programme in force, at noon in Paris, seen by everybody who was there before."""
    publish_program(service, text)
    service.clock.move(hours=1)
    service.every_hour()
    return service


def at(service: Service, day: str, hour: int = 1) -> list[Json]:
    """It becomes this day, and this hour in Paris, and what the clock starts then is started; what was told."""
    moment = datetime.fromisoformat(f"{day}T00:00").replace(hour=hour, tzinfo=PARIS)
    assert moment > service.clock.time
    service.clock.time = moment.astimezone(service.clock.time.tzinfo)
    return service.every_hour()


def every_night_to(service: Service, day: str) -> list[Json]:
    """The same for each night up to this day on which anything is due, and for this day's."""
    told: list[Json] = []
    while (due := ledger.first_due()) and (night := max(due, _tomorrow(service)).isoformat()) < day:
        told += at(service, night)
    return told + at(service, day)


def _tomorrow(service: Service) -> date:
    return service.clock().astimezone(PARIS).date() + timedelta(days=1)


def state(service: Service, member: str) -> Json:
    """The account, without what tells how often it was written."""
    return {name: value for name, value in account(service, member).items() if name not in _NEVER_THE_SAME}


def of(told: list[Json], *wanted: str) -> list[tuple[str, str, Json]]:
    """What was told of these types: its type, its id without the member, and what it says."""
    return [
        (event["detail-type"], event["detail"]["metadata"]["event_id"], event["detail"]["data"])
        for event in told
        if event["detail-type"] in wanted
    ]


def entries(service: Service, member: str) -> list[tuple[str, str, int]]:
    """Kind, day in Paris, and points that came or went, of every entry of a member in order."""
    own = sorted(
        (one for one in service.items("entries") if one.get("member") == member and "kind" in one),
        key=lambda one: one["n"],
    )
    return [
        (
            one["kind"],
            datetime.fromisoformat(one["occurred_at"]).astimezone(PARIS).date().isoformat(),
            sum(one["change"].get("lots", {}).values()) + sum(one["change"].get("pending", {}).values()),
        )
        for one in own
    ]
