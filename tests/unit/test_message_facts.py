"""What an event becomes for a member: which message, for whom, and what its words can name."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from functions.ledger.account import Change, Posting
from functions.ledger.rewards import IssuedReward
from functions.notifications.deciding import Reader
from functions.notifications.facts import OLD_NEWS, facts_of, message_of, recorded_late, told_to
from functions.program.messages import outbox
from functions.program.messages.catalogue import BY_EVENT, BY_ID, examples
from functions.program.model import Level, Tiers
from tests.unit.factories import NOW, a_program, an_entry, an_issued_reward

ADA, GRACE = "mem_aaaaaaaaaaaaaaaaaaaa", "mem_bbbbbbbbbbbbbbbbbbbb"
LEVELS = [Level(name, text={"en": name.title(), "fr": f"{name.title()} (fr)"}) for name in ("basic", "silver", "gold")]
PROGRAM = a_program(tiers=Tiers(levels=LEVELS, window="year"))
NO_TIERS = a_program()
ENGLISH = Reader("en", "Ada", ZoneInfo("UTC"))
FRENCH = Reader("fr-CA", None, ZoneInfo("UTC"))
ON_TIME = timedelta(0)
REWARD: Mapping[str, Any] = {
    "member_id": ADA,
    "redemption_id": an_issued_reward().redemption,
    "reward_id": "voucher-5",
    "value": 500,
    "currency": "USD",
    "valid_from": None,
    "valid_until": "2027-02-19",
    "fulfilment": "code",
}
DATA: Mapping[str, Mapping[str, Any]] = {
    "MemberEnrolled": {"imported": False},
    "PointsEarned": {
        "points": 70,
        "balance": {"active": 170, "pending": 0},
        "explanation": [
            {"rule": "every-dollar", "applied": True, "points": 60},
            {"rule": "gone-since", "applied": True, "points": 10},
            {"rule": "not-yet", "applied": False, "points": 0},
        ],
    },
    "PointsExpiring": {"points": 40, "expires_on": "2027-01-20"},
    "TierChanged": {"from": "silver", "to": "gold", "held_until": "2027-12-31"},
    "TierAtRisk": {"tier": "gold", "then": "silver", "held_until": "2026-12-31"},
    "RewardRedeemed": {**REWARD, "points": 100},
    "RewardFulfilled": REWARD,
    "VoucherIssued": REWARD,
    "BirthdayCame": {},
    "ReferralCompleted": {"referrer_id": GRACE},
}


def said_of(detail_type: str, reader: Reader = ENGLISH, entry: Any = None, **data: Any) -> dict[str, Any]:
    return facts_of(detail_type, {"member_id": ADA, **DATA[detail_type], **data}, entry, PROGRAM, reader)


# --- which message -------------------------------------------------------------------------------------------------


def test_every_event_that_becomes_a_message_is_tried_here() -> None:
    assert set(DATA) == set(BY_EVENT)


@pytest.mark.parametrize("detail_type", DATA)
def test_an_event_becomes_its_message(detail_type: str) -> None:
    found = message_of(detail_type, DATA[detail_type], ON_TIME, PROGRAM)
    assert found is BY_EVENT[detail_type]


@pytest.mark.parametrize("detail_type", DATA)
def test_the_facts_of_an_event_are_those_that_its_words_can_name(detail_type: str) -> None:
    """So that words which hold with the examples hold with what happens."""
    kind = BY_EVENT[detail_type]
    assert set(said_of(detail_type)) >= set(examples(kind)[0])


@pytest.mark.parametrize("detail_type", DATA)
def test_what_is_told_late_is_told_only_where_there_is_still_time(detail_type: str) -> None:
    late = message_of(detail_type, DATA[detail_type], OLD_NEWS + timedelta(seconds=1), PROGRAM)
    in_time = message_of(detail_type, DATA[detail_type], OLD_NEWS, PROGRAM)
    assert (late is not None) is (detail_type in {"PointsExpiring", "TierAtRisk"})
    assert in_time is not None


@pytest.mark.parametrize(
    ("detail_type", "data"),
    [("PointsEarned", {"points": 0}), ("MemberEnrolled", {"imported": True}), ("RewardRedeemed", {"points": 0})],
)
def test_what_is_nothing_or_was_elsewhere_is_no_message(detail_type: str, data: Mapping[str, object]) -> None:
    assert message_of(detail_type, {**DATA[detail_type], **data}, ON_TIME, PROGRAM) is None


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("basic", "silver", True),
        ("basic", "gold", True),
        ("silver", "basic", False),
        ("gold", "gold", False),
        (None, "silver", True),
        (None, "basic", False),
        ("gold", None, False),
        ("gone-since", "silver", True),
        ("silver", "gone-since", False),
    ],
)
def test_of_a_tier_only_a_higher_one_is_told(before: str | None, after: str | None, told: bool) -> None:
    data = {"from": before, "to": after, "held_until": None}
    assert (message_of("TierChanged", data, ON_TIME, PROGRAM) is not None) is told


def test_a_tier_of_a_programme_that_has_none_any_more_is_no_news() -> None:
    assert message_of("TierChanged", DATA["TierChanged"], ON_TIME, NO_TIERS) is None


def test_of_a_referral_it_is_told_who_invited() -> None:
    assert told_to("ReferralCompleted", {"member_id": ADA, "referrer_id": GRACE}) == GRACE
    assert told_to("PointsEarned", {"member_id": ADA}) == ADA


def test_how_late_something_was_recorded_is_seen_from_its_envelope() -> None:
    metadata = {"recorded_at": "2026-11-21T10:00:00.000000Z", "occurred_at": "2026-11-20T10:00:00.000000Z"}
    assert recorded_late(metadata) == timedelta(days=1)


# --- what its words can name ---------------------------------------------------------------------------------------


def test_what_was_earned_is_told_with_the_rules_that_gave_it() -> None:
    assert said_of("PointsEarned") == {
        "program": "Record Club",
        "given_name": "Ada",
        "points": 70,
        "balance": 170,
        "reasons": [
            {"text": PROGRAM.earning[0].text["en"], "points": 60},
            {"text": "gone-since", "points": 10},
        ],
    }


@pytest.mark.parametrize(
    ("detail_type", "expected"),
    [
        ("MemberEnrolled", {}),
        ("PointsExpiring", {"points": 40, "expires_on": "2027-01-20"}),
        ("TierChanged", {"tier": "Gold (fr)", "held_until": "2027-12-31"}),
        ("TierAtRisk", {"tier": "Gold (fr)", "then": "Silver (fr)", "held_until": "2026-12-31"}),
        ("BirthdayCame", {}),
        ("ReferralCompleted", {}),
    ],
)
def test_a_member_reads_it_in_their_language(detail_type: str, expected: Mapping[str, object]) -> None:
    assert said_of(detail_type, FRENCH) == {"program": "Le Club du disque", "given_name": None, **expected}


def test_a_tier_that_is_none_any_more_is_told_by_its_id() -> None:
    assert said_of("TierAtRisk", tier="platinum")["tier"] == "platinum"
    assert facts_of("TierAtRisk", DATA["TierAtRisk"], None, NO_TIERS, ENGLISH)["tier"] == "gold"


def test_a_reward_is_told_in_words_and_by_its_id_where_it_is_none_any_more() -> None:
    assert said_of("RewardRedeemed", FRENCH)["reward"] == "5 dollars de réduction"
    assert said_of("RewardRedeemed", reward_id="gone-since")["reward"] == "gone-since"


def test_what_a_reward_is_worth_and_when_it_can_be_used_is_told() -> None:
    said = said_of("RewardRedeemed", valid_from="2026-12-01")
    assert {name: said[name] for name in ("value", "points", "valid_from", "valid_until")} == {
        "value": (500, "USD"),
        "points": 100,
        "valid_from": "2026-12-01",
        "valid_until": "2027-02-19",
    }
    assert said_of("RewardFulfilled")["points"] is None


@pytest.mark.parametrize(
    ("detail_type", "fulfilment", "to_come"),
    [
        ("RewardRedeemed", "code", False),
        ("RewardRedeemed", "manual", True),
        ("RewardRedeemed", "partner", True),
        ("RewardFulfilled", "manual", False),
        ("RewardFulfilled", "partner", False),
    ],
)
def test_only_what_is_still_to_be_handed_over_is_promised(detail_type: str, fulfilment: str, to_come: bool) -> None:
    assert said_of(detail_type, fulfilment=fulfilment)["handed_over"] is to_come


# --- the code, which no event carries ------------------------------------------------------------------------------


def rewarded(reward: IssuedReward | None = None, *issued: IssuedReward) -> Any:
    return an_entry(Posting("redeemed", Change(), NOW, 7, reward=reward, issued=issued))


OTHER = replace(an_issued_reward(), redemption="rdm_zzzzzzzzzzzzzzzzzzzz", code="9999-9999-9999-9999")
WITHOUT = replace(an_issued_reward(), code=None)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (None, None),
        (rewarded(), None),
        (rewarded(an_issued_reward()), an_issued_reward().code),
        (rewarded(OTHER), None),
        (rewarded(WITHOUT), None),
        (rewarded(None, OTHER, an_issued_reward()), an_issued_reward().code),
        (rewarded(OTHER, an_issued_reward()), an_issued_reward().code),
        (rewarded(an_issued_reward(), OTHER), an_issued_reward().code),
    ],
    ids=["no entry", "none", "bought", "another", "held", "given", "given with another", "bought with another"],
)
def test_the_code_is_that_of_the_reward_it_is_about(entry: Any, code: str | None) -> None:
    assert said_of("VoucherIssued", entry=entry)["code"] == code


# --- on its way ----------------------------------------------------------------------------------------------------

EMAIL = {"email.0", "email.1", "email.2", "email.3"}


def test_a_message_on_its_way_waits_by_channel_and_says_nothing_of_its_member_but_the_id() -> None:
    row = outbox.waiting(ADA, f"{ADA}#1#email", "points_earned", "email", NOW + timedelta(hours=1), NOW)
    assert row.pop("waiting") in EMAIL
    assert row == {
        "member": ADA,
        "message": f"{ADA}#1#email",
        "template": "points_earned",
        "channel": "email",
        "status": "waiting",
        "created_at": "2026-11-21T10:00:00.000000Z",
        "due_at": "2026-11-21T11:00:00.000000Z",
        "expires_at": int(datetime(2027, 2, 19, 10, 0, tzinfo=UTC).timestamp()),
    }


def test_a_reminder_is_kept_as_long_as_its_points_may_lie() -> None:
    row = outbox.waiting(ADA, f"{ADA}#expiring:x#email", "points_expiring", "email", NOW, NOW)
    assert row["expires_at"] == int((NOW + timedelta(days=400)).timestamp())


def test_what_waits_for_a_channel_is_spread_over_its_parts_and_over_no_others() -> None:
    members = [f"mem_{i}" for i in range(200)]
    parts = {outbox.waiting(member, "m", "welcome", "sms", NOW, NOW)["waiting"] for member in members}
    assert parts == set(outbox.shards("sms"))
    assert parts.isdisjoint(outbox.shards("email"))


def test_the_last_mail_has_the_address_with_it_and_is_given_up_after_a_day() -> None:
    profile = {"locale": "fr", "given_name": "Ada", "family_name": "Lovelace", "birth_date": "1815-12-10"}
    row = outbox.goodbye(ADA, "ada@example.com", profile, NOW)
    assert (row["message"], row["template"], row["due_at"]) == ("goodbye#email", "goodbye", row["created_at"])
    assert (row["to"], row["locale"], row["given_name"]) == ("ada@example.com", "fr", "Ada")
    assert "Lovelace" not in str(row)
    assert row["expires_at"] == int((NOW + timedelta(days=1)).timestamp())


def test_the_last_mail_can_be_written_from_what_its_row_says() -> None:
    facts = facts_of("MemberClosed", {}, None, PROGRAM, ENGLISH)
    assert set(facts) == set(examples(BY_ID["goodbye"])[0])
