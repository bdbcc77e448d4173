"""What time does by itself: once, in order, however late and however often anybody looks."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from functions.ledger import committing
from functions.ledger import store as ledger
from functions.lifecycle import store as lifecycle
from functions.program import store as programs
from functions.runtime import bus, tables
from functions.runtime.errors import TryAgainError
from tests.functional.conftest import Json, Service, deployed, publish_program
from tests.functional.engaged import CARDS, account, buy, join, types
from tests.functional.factories import without_programme
from tests.functional.people import drift
from tests.functional.test_races import meanwhile
from tests.functional.timed import NO_REMINDERS, TIMED, at, entries, every_night_to, of, state, timed


@pytest.fixture
def shop(service: Service) -> Service:
    return timed(service)


@pytest.fixture
def ada(shop: Service) -> str:
    """Ada joined on 21 November 2026."""
    return join(shop)


def born(service: Service, day: str, name: str = "ada") -> str:
    answer = service.post("/v1/members", {"card": CARDS[name], "birth_date": day}, key=f"join-{name}")
    member: str = answer.body["member_id"]
    return member


def with_mail(service: Service) -> str:
    body = {"card": CARDS["ada"], "email": "ada@example.com"}
    member: str = service.post("/v1/members", body, key="join-ada").body["member_id"]
    return member


# --- points and tiers ----------------------------------------------------------------------------------------------


def test_pending_points_become_active_on_their_day_and_expire_after_their_last(shop: Service, ada: str) -> None:
    buy(shop, "receipt-1", 40)
    shop.settle()
    assert account(shop, ada)["due_on"] == "2026-11-24"

    assert at(shop, "2026-11-23") == []
    assert account(shop, ada)["pending"] == {"2026-11-24>2027-01-20": 40}

    [activated] = of(at(shop, "2026-11-24"), "PointsActivated")
    assert activated[2]["points"] == 0
    assert account(shop, ada)["lots"] == {"2027-01-20": 40}
    assert account(shop, ada)["due_on"] == "2027-01-10"  # the reminder

    assert types(at(shop, "2027-01-10")) == ["MembersDue", "PointsExpiring"]
    assert at(shop, "2027-01-20") == []
    assert types(at(shop, "2027-01-21")) == ["MembersDue", "PointsExpired"]
    assert account(shop, ada)["lots"] == {}
    assert entries(shop, ada) == [
        ("earned", "2026-11-21", 40),
        ("activated", "2026-11-24", 0),
        ("expired", "2027-01-21", -40),
    ]


def test_what_has_expired_is_neither_shown_nor_spendable_before_the_night_has_come(shop: Service, ada: str) -> None:
    buy(shop, "receipt-1", 40)
    at(shop, "2026-11-24")
    shop.clock.move(days=58)  # 21 January, and nothing has run

    assert shop.get(f"/v1/members/{ada}/balance").body["active"] == 0
    body = {"member": {"card": CARDS["ada"]}, "reward_id": "voucher-1", "capture": True}
    refused = shop.post("/v1/redemptions", body, key="redeem-1")
    assert (refused.status, refused.body["code"]) == (409, "insufficient_points")


def test_a_tier_is_reviewed_on_the_day_after_its_last(shop: Service, ada: str) -> None:
    buy(shop, "receipt-1", 600)
    assert [step[0] for step in account(shop, ada)["tiers"]] == ["member", "silver"]
    assert account(shop, ada)["tiers"][-1][2] == "2027-03-31"
    shop.settle()

    assert of(every_night_to(shop, "2027-03-31"), "TierChanged") == []
    [changed] = of(at(shop, "2027-04-01"), "TierChanged")

    assert (changed[2]["from"], changed[2]["to"]) == ("silver", "member")


def test_a_tier_that_is_at_risk_is_told_once_and_not_where_it_will_be_kept(shop: Service, ada: str) -> None:
    join(shop, "grace")
    buy(shop, "receipt-1", 600)
    buy(shop, "receipt-2", 600, "grace")
    at(shop, "2027-02-01")
    buy(shop, "receipt-3", 600, "grace")

    told = of(every_night_to(shop, "2027-04-05"), "TierAtRisk")

    data = {"member_id": ada, "tier": "silver", "held_until": "2027-03-31", "then": "member"}
    assert told == [("TierAtRisk", f"{ada}#at-risk:2027-03-31", data)]


# --- points into vouchers ------------------------------------------------------------------------------------------


def test_points_become_vouchers_in_steps_and_the_rest_is_carried_over(shop: Service, ada: str) -> None:
    at(shop, "2026-12-10")
    buy(shop, "receipt-1", 270)
    at(shop, "2027-01-31")
    told = at(shop, "2027-02-01")

    [(_, _, redeemed)] = of(told, "RewardRedeemed")
    assert (redeemed["points"], redeemed["value"], redeemed["reward_id"]) == (200, 1000, "quarter")
    assert redeemed["valid_until"] == "2027-03-03"
    assert account(shop, ada)["lots"] == {"2027-02-08": 70}
    assert at(shop, "2027-02-02") == []


def test_points_of_today_are_not_converted_as_of_a_day_on_which_there_were_none(shop: Service, ada: str) -> None:
    at(shop, "2027-03-20")
    buy(shop, "receipt-1", 250)

    told = every_night_to(shop, "2027-05-01")

    [(_, _, redeemed)] = of(told, "RewardRedeemed")
    assert redeemed["valid_until"] == "2027-05-31"
    assert [entry[:2] for entry in entries(shop, ada)][-1] == ("redeemed", "2027-05-01")


def test_nor_where_somebody_had_looked_before_that_day(service: Service) -> None:
    shop = timed(service, NO_REMINDERS)
    ada = join(shop)
    lifecycle.visit(ada)
    at(shop, "2027-03-20")
    body = {"id": "adjustment-1", "points": 250, "reason": "goodwill"}
    assert shop.post(f"/v1/members/{ada}/adjustments", body).status == 201
    shop.settle()

    told = every_night_to(shop, "2027-05-01")

    assert [redeemed["valid_until"] for _, _, redeemed in of(told, "RewardRedeemed")] == ["2027-05-31"]


def test_who_is_suspended_gets_no_vouchers_and_keeps_the_points_until_they_expire(shop: Service, ada: str) -> None:
    at(shop, "2026-12-10")
    buy(shop, "receipt-1", 270)
    shop.post(f"/v1/members/{ada}/suspend", {"reason": "fraud"}, key="s-1")

    told = every_night_to(shop, "2027-02-09")

    assert of(told, "RewardRedeemed") == []
    assert entries(shop, ada)[-1] == ("expired", "2027-02-09", -270)


# --- days that come again ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("birthday", "on"),
    [("1990-12-24", "2026-12-24"), ("1992-02-29", "2027-02-28"), ("1990-11-21", "2027-11-21")],
)
def test_a_birthday_earns_what_the_programme_says_and_only_once(shop: Service, birthday: str, on: str) -> None:
    member = born(shop, birthday)
    before = entries(shop, member)
    told = at(shop, on)
    [came] = of(told, "BirthdayCame")
    assert came == ("BirthdayCame", f"{member}#birthday:{on[:4]}", {"member_id": member, "year": int(on[:4])})
    earned = [entry for entry in entries(shop, member) if entry not in before]
    assert ("earned", on, 50) in earned

    shop.clock.move(hours=2)
    lifecycle.visit(member)
    assert of(shop.settle(), "PointsEarned") == []


def test_a_full_year_of_membership_earns_what_the_programme_says(shop: Service, ada: str) -> None:
    assert of(at(shop, "2027-11-20"), "AnniversaryCame") == []
    told = at(shop, "2027-11-21")
    assert of(told, "AnniversaryCame") == [
        ("AnniversaryCame", f"{ada}#anniversary:2027", {"member_id": ada, "years": 1})
    ]
    assert [data["points"] for _, _, data in of(told, "PointsEarned")] == [20]


def test_a_birthday_that_is_told_later_is_not_celebrated_for_the_years_before(shop: Service, ada: str) -> None:
    at(shop, "2027-07-01")
    answer = shop.call(
        "PATCH", f"/v1/members/{ada}", {"birth_date": "1990-03-05"}, headers={"idempotency-key": "patch-1"}
    )
    assert answer.status == 200, answer.body
    told = shop.settle() + every_night_to(shop, "2027-12-31") + at(shop, "2028-03-05")
    assert [data["year"] for _, _, data in of(told, "BirthdayCame")] == [2028]


# --- reminders and what waits for them -----------------------------------------------------------------------------


def test_a_member_is_reminded_by_mail_once_before_points_expire(shop: Service) -> None:
    ada = with_mail(shop)
    buy(shop, "receipt-1", 40)
    told = every_night_to(shop, "2027-01-21")

    assert [(kind, event_id) for kind, event_id, _ in of(told, "PointsExpiring")] == [
        ("PointsExpiring", f"{ada}#expiring:2027-01-20")
    ]
    [mail] = [mail for mail in shop.mails() if "40 points to use" in mail.subject]
    assert mail.subject == "40 points to use by January 20, 2027"
    assert entries(shop, ada)[-1] == ("expired", "2027-01-21", -40)


def test_a_late_reminder_is_mailed_as_long_as_there_are_points_to_use(shop: Service) -> None:
    with_mail(shop)
    buy(shop, "receipt-1", 40)
    at(shop, "2026-11-24")
    at(shop, "2027-01-19")  # nine days late
    assert [mail.subject for mail in shop.mails()][-1] == "40 points to use by January 20, 2027"


def test_of_a_tier_at_risk_a_member_reads_in_words(shop: Service) -> None:
    with_mail(shop)
    buy(shop, "receipt-1", 600)
    every_night_to(shop, "2027-03-31")
    [mail] = [mail for mail in shop.mails() if mail.subject.startswith("You hold Silver until")]
    assert "your tier will be Member instead of Silver" in mail.body


FAIR = TIMED.replace("lapsing_after_days: 90", "expiry_waits_days: 14")


@pytest.fixture
def fair(service: Service) -> Service:
    return timed(service, FAIR)


def test_points_whose_reminder_was_mailed_expire_on_their_day(fair: Service) -> None:
    ada = with_mail(fair)
    buy(fair, "receipt-1", 40)
    every_night_to(fair, "2027-01-21")
    assert entries(fair, ada)[-1] == ("expired", "2027-01-21", -40)


def test_points_whose_reminder_could_not_be_mailed_wait_once(fair: Service) -> None:
    ada = join(fair)
    buy(fair, "receipt-1", 40)
    told = every_night_to(fair, "2027-01-21")
    assert account(fair, ada)["lots"] == {"2027-02-03": 40}
    assert fair.get(f"/v1/members/{ada}/balance").body["active"] == 40
    told += every_night_to(fair, "2027-02-03")
    assert of(told, "PointsExpired", "PointsAdjusted") == []
    every_night_to(fair, "2027-02-10")
    assert entries(fair, ada)[2:] == [("adjusted", "2027-01-21", 0), ("expired", "2027-02-04", -40)]


def test_a_reminder_that_was_kept_and_never_sent_is_no_warning(fair: Service) -> None:
    ada = with_mail(fair)
    buy(fair, "receipt-1", 40)
    every_night_to(fair, "2027-01-11")
    key = {"member": ada, "message": f"{ada}#expiring:2027-01-20#email"}
    assert tables.update("messages", key, "SET #status = :status", "attribute_exists(#status)", {"status": "failed"})
    every_night_to(fair, "2027-01-21")
    assert account(fair, ada)["lots"] == {"2027-02-03": 40}


def test_two_lots_that_wait_to_the_same_day_wait_both(fair: Service) -> None:
    ada = join(fair)
    buy(fair, "receipt-1", 40)
    fair.clock.move(days=1)
    buy(fair, "receipt-2", 30)
    at(fair, "2027-03-01")  # both are long over, and their graces too
    assert account(fair, ada)["lots"] == {"2027-03-01": 70}
    at(fair, "2027-03-02")
    assert account(fair, ada)["lots"] == {}


def test_points_of_who_is_suspended_wait_and_expire_as_well(fair: Service) -> None:
    ada = join(fair)
    buy(fair, "receipt-1", 40)
    fair.post(f"/v1/members/{ada}/suspend", {"reason": "fraud"}, key="s-1")
    every_night_to(fair, "2027-02-04")
    assert entries(fair, ada)[-2:] == [("adjusted", "2027-01-21", 0), ("expired", "2027-02-04", -40)]


def test_a_reminder_is_remembered_as_long_as_its_points_may_lie(service: Service) -> None:
    shop = timed(
        service,
        FAIR.replace("after_days: 60", "after_days: 300").replace("points_expire_days: 10", "points_expire_days: 200"),
    )
    with_mail(shop)
    buy(shop, "receipt-1", 40)
    at(shop, "2026-11-24")
    at(shop, "2027-03-02")
    [kept] = [item for item in shop.items("messages") if item["message"].endswith("#expiring:2027-09-17#email")]
    assert kept["expires_at"] > shop.clock().timestamp() + 200 * 86400


def test_who_has_left_is_told_nothing(shop: Service, ada: str) -> None:
    assert shop.call("DELETE", f"/v1/members/{ada}", headers={"idempotency-key": "leave-1"}).status < 300
    shop.settle()
    shop.clock.move(days=90)
    lifecycle.visit(ada)
    assert of(shop.settle(), "MemberLapsing") == []


def test_a_lapse_is_told_once_and_again_after_new_activity(shop: Service, ada: str) -> None:
    told = every_night_to(shop, "2027-04-01")
    shop.clock.move(hours=9)
    buy(shop, "receipt-1", 10)
    told += every_night_to(shop, "2027-08-01")
    assert [event_id for _, event_id, _ in of(told, "MemberLapsing")] == [
        f"{ada}#lapsing:2026-11-21",
        f"{ada}#lapsing:2027-04-01",
    ]


# --- late, twice, at once ------------------------------------------------------------------------------------------


def busy_winter(service: Service) -> str:
    """A member with something of everything, in the evening of 18 January."""
    member = born(timed(service, NO_REMINDERS), "1990-02-02")
    buy(service, "receipt-1", 600)
    every_night_to(service, "2026-12-10")
    buy(service, "receipt-2", 270)
    every_night_to(service, "2027-01-18")
    return member


def test_after_days_of_outage_everything_is_as_if_there_had_been_none(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    for late in (False, True):
        with deployed(monkeypatch) as service:
            member = busy_winter(service)
            told = at(service, "2027-02-03") if late else every_night_to(service, "2027-02-03")
            kept = {
                name: value for name, value in state(service, member).items() if name not in {"due_on", "passed_on"}
            }
            news = of(told, *set(types(told)) - {"MembersDue"})
            seen.append(
                (
                    kept,
                    # What a birthday earns is booked after what was due by then where all of it is late.
                    sorted((kind, data.get("points", 0)) for kind, _, data in news),
                    sorted(entries(service, member)),
                )
            )
    assert seen[0] == seen[1]


def test_what_a_birthday_earned_during_an_outage_is_converted_as_if_there_had_been_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Any] = []
    for late in (False, True):
        with deployed(monkeypatch) as service:
            member = born(timed(service, NO_REMINDERS), "1990-01-27")
            every_night_to(service, "2027-01-10")
            buy(service, "receipt-1", 180)
            every_night_to(service, "2027-01-20")
            if late:
                at(service, "2027-02-03")
                assert account(service, member)["passed_on"] == "2027-01-27"
                service.clock.move(hours=1)
                service.every_hour()
            else:
                every_night_to(service, "2027-02-03")
            # What comes so late is active at once.
            booked = [entry for entry in entries(service, member) if entry[0] != "activated"]
            seen.append((booked, state(service, member)["lots"]))
    assert seen[0] == seen[1]
    assert ("redeemed", "2027-02-01", -200) in seen[0][0]


def test_a_visit_that_was_interrupted_anywhere_and_is_repeated_makes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write of a visit fails once, in turn, before it and after it."""
    wanted: Json | None = None
    for place in range(8):
        for done in (False, True):
            with deployed(monkeypatch) as service, monkeypatch.context() as patched:
                member = busy_winter(service)
                service.clock.move(days=14)
                failing = Failing(patched, place, done)
                try:
                    lifecycle.visit(member)
                except Interrupted:
                    failing.over = True
                    lifecycle.visit(member)
                failing.over = True
                service.settle()
                lifecycle.visit(member)
                service.settle()
                found = {"account": state(service, member), "entries": sorted(entries(service, member))}
                wanted = wanted or found
                assert found == wanted, (place, done)
            if not failing.hit:
                assert place > 1
                return
    raise AssertionError("more writes than places")


class Interrupted(Exception):  # noqa: N818  nobody catches it as an error
    """The function died."""


class Failing:
    """The `place`-th call that changes anything fails, before it or after it."""

    def __init__(self, patched: pytest.MonkeyPatch, place: int, done: bool) -> None:
        self.place, self.done, self.calls, self.hit, self.over = place, done, 0, False, False
        for module, name in ((tables, "transact"), (tables, "update"), (tables, "put_new"), (bus, "publish")):
            patched.setattr(module, name, self._wrapped(getattr(module, name)))

    def _wrapped(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self.over:
                return real(*args, **kwargs)
            here = self.calls == self.place
            self.calls += 1
            if here and not self.done:
                self.hit = True
                raise Interrupted
            result = real(*args, **kwargs)
            if here:
                self.hit = True
                raise Interrupted
            return result

        return call


def test_what_could_not_be_booked_is_not_noted_as_done(
    shop: Service, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(shop, "receipt-1", 40)
    shop.clock.move(days=3)
    busy = TryAgainError("The account is busy.")
    with monkeypatch.context() as patched:
        patched.setattr(committing, "commit_all", lambda requests: [busy for _ in requests])
        with pytest.raises(TryAgainError):
            lifecycle.visit(ada)
    assert "passed_on" not in account(shop, ada)
    lifecycle.visit(ada)
    assert entries(shop, ada)[-1] == ("activated", "2026-11-24", 0)


def test_a_visitor_whose_clock_lags_does_not_put_back_the_day(shop: Service, ada: str) -> None:
    at(shop, "2026-12-02")
    lifecycle.visit(ada)
    shop.clock.move(days=-1)
    lifecycle.visit(ada)
    assert account(shop, ada)["passed_on"] == "2026-12-02"


def test_two_visits_at_once_do_everything_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    member = busy_winter(service)
    service.clock.move(days=14)
    meanwhile(monkeypatch, lambda: lifecycle.visit(member))
    lifecycle.visit(member)
    told = service.settle()
    assert len({event["detail"]["metadata"]["event_id"] for event in told}) >= len(of(told, "RewardRedeemed")) == 1
    found = entries(service, member)
    assert len([entry for entry in found if entry[0] == "redeemed"]) == 1
    assert len(of(told, "PointsExpired")) == len([entry for entry in found if entry[0] == "expired"])


def test_a_purchase_between_the_plan_and_its_commit_is_part_of_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = join(timed(service, NO_REMINDERS))
    every_night_to(service, "2026-12-10")
    buy(service, "receipt-1", 270)
    at(service, "2026-12-13")
    service.clock.move(days=50)  # 1 February
    meanwhile(monkeypatch, lambda: buy(service, "receipt-2", 30))
    lifecycle.visit(ada)
    found = entries(service, ada)
    assert [entry[0] for entry in found] == ["earned", "activated", "earned", "redeemed"]
    assert account(service, ada)["lots"] == {"2027-02-08": 70}
    assert sum(account(service, ada)["pending"].values()) == 30


def test_a_visit_that_a_purchase_overtakes_at_the_end_is_not_noted(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = join(timed(service))
    buy(service, "receipt-1", 40)
    service.clock.move(days=3)
    real = ledger.passed

    def passed(*args: Any) -> bool:
        buy(service, "receipt-2", 10)
        return real(*args)

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "passed", passed)
        lifecycle.visit(ada)
    assert account(service, ada)["due_on"] <= "2026-11-24"
    service.every_hour()
    assert account(service, ada)["due_on"] == "2026-11-27"


# --- who is gone ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["closed", "merged"])
def test_nothing_happens_to_who_is_gone_and_nobody_comes_again(shop: Service, ada: str, how: str) -> None:
    grace = join(shop, "grace")
    buy(shop, "receipt-1", 40)
    if how == "closed":
        shop.call("DELETE", f"/v1/members/{ada}", headers={"idempotency-key": "close-1"})
    else:
        answer = shop.post(f"/v1/members/{ada}/merge", {"into": grace}, key="merge-1")
        assert answer.status == 200, answer.body
    shop.settle()
    n = account(shop, ada)["n"]

    every_night_to(shop, "2027-01-25")

    assert account(shop, ada)["n"] == n
    assert "due" not in account(shop, ada)
    assert "due_on" not in account(shop, ada)
    if how == "merged":
        assert entries(shop, grace)[-1] == ("expired", "2027-01-21", -40)


# --- the index of what is due --------------------------------------------------------------------------------------


def test_what_is_earned_moves_the_day_only_forward_and_a_visit_moves_it_on(shop: Service, ada: str) -> None:
    assert account(shop, ada)["due_on"] == "2027-02-19"  # lapsing
    buy(shop, "receipt-1", 10)
    assert account(shop, ada)["due_on"] == "2026-11-24"
    shop.clock.move(days=1)
    buy(shop, "receipt-2", 10)
    assert account(shop, ada)["due_on"] == "2026-11-24"
    at(shop, "2026-11-24")
    assert account(shop, ada)["due_on"] == "2026-11-25"
    at(shop, "2026-11-25")
    assert account(shop, ada)["due_on"] == "2027-01-10"
    assert account(shop, ada)["passed_on"] == "2026-11-25"


def test_who_has_nothing_due_is_not_in_the_index(service: Service) -> None:
    ada = join(service)
    buy(service, "receipt-1", 40)  # the record shop's points never expire
    assert not {"due", "due_on"} & set(account(service, ada))
    assert ledger.first_due() is None


def test_only_who_is_due_is_handed_out_in_portions(shop: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    members = [shop.post("/v1/members", {"card": f"RC-{i}"}, key=f"m-{i}").body["member_id"] for i in range(30)]
    for i in range(15):
        buy(shop, f"receipt-{i}", 10, member={"card": f"RC-{i}"})
    shop.settle()
    monkeypatch.setattr(lifecycle, "AT_ONCE", 2)
    shop.clock.move(days=3)

    assert lifecycle.hand_out(lambda: True) == 15

    handed = of(shop.on_bus(), "MembersDue")
    assert sorted(member for _, _, data in handed for member in data["members"]) == sorted(members[:15])
    assert all(len(data["members"]) <= 2 for _, _, data in handed)


def test_after_another_programme_everybody_for_whom_another_day_counts_is_visited_once(shop: Service, ada: str) -> None:
    grace = join(shop, "grace")
    shop.settle()
    publish_program(shop, TIMED.replace("lapsing_after_days: 90", "lapsing_after_days: 30"))
    shop.clock.move(hours=1)
    assert lifecycle.hand_out(lambda: True) == 2
    assert lifecycle.hand_out(lambda: True) == 0
    shop.settle()
    assert {account(shop, member)["due_on"] for member in (ada, grace)} == {"2026-12-21"}


def test_a_programme_that_a_warm_function_may_not_have_seen_yet_is_not_counted_by(shop: Service, ada: str) -> None:
    publish_program(shop, TIMED.replace("lapsing_after_days: 90", "lapsing_after_days: 30"))
    shop.clock.move(seconds=programs.SECONDS_CACHED - 1)
    assert lifecycle.hand_out(lambda: True) == 0
    shop.clock.move(seconds=2)
    assert lifecycle.hand_out(lambda: True) == 1


def test_a_count_that_another_programme_overtakes_begins_anew(
    shop: Service, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(shop, "grace")
    shop.settle()
    real, asked = tables.scan_page, list[Any]()

    def one(table: Any, after: Any) -> Any:
        asked.append(after)
        found, _ = real(table, None)
        return found, {"member": found[0]["member"], "part": found[0]["part"]}

    for days in (30, 40):
        publish_program(shop, TIMED.replace("lapsing_after_days: 90", f"lapsing_after_days: {days}"))
        shop.clock.move(hours=1)
        left = iter([True])
        with monkeypatch.context() as patched:
            patched.setattr(tables, "scan_page", one)
            lifecycle.hand_out(lambda left=left: next(left, False))  # type: ignore[misc]
    assert asked == [None, None]


def test_a_reminder_that_a_new_programme_brings_is_told_although_its_day_is_over(shop: Service, ada: str) -> None:
    buy(shop, "receipt-1", 40)  # expires on 20 January
    assert of(every_night_to(shop, "2026-12-25"), "PointsExpiring") == []
    publish_program(shop, TIMED.replace("points_expire_days: 10", "points_expire_days: 30"))
    shop.clock.move(hours=1)
    told = shop.every_hour()
    assert [event_id for _, event_id, _ in of(told, "PointsExpiring")] == [f"{ada}#expiring:2027-01-20"]
    assert of(every_night_to(shop, "2027-01-19"), "PointsExpiring") == []


def test_a_day_ends_at_midnight_of_the_programme_and_not_of_utc(shop: Service, ada: str) -> None:
    buy(shop, "receipt-1", 40)
    every_night_to(shop, "2027-01-20")
    last_hour = shop.get(f"/v1/members/{ada}/balance").body
    shop.clock.time = datetime.fromisoformat("2027-01-20T23:30:00+00:00")  # half past midnight in Paris
    over = shop.get(f"/v1/members/{ada}/balance").body
    buy(shop, "receipt-2", 5)
    [entry] = shop.get(f"/v1/members/{ada}/ledger").body["items"][:1]

    assert (last_hour["active"], last_hour["upcoming"][0]["on"]) == (40, "2027-01-20")
    assert (over["active"], over["lots"], over["upcoming"]) == (0, [], [])
    assert entry["balance_after"]["active"] == 0
    assert account(shop, ada)["active_on"] == "2027-01-21"
    assert drift(shop, ada) is None


def test_a_programme_that_is_still_to_come_counts_when_it_comes(shop: Service, ada: str) -> None:
    text = TIMED.replace("lapsing_after_days: 90", "lapsing_after_days: 30")
    version = shop.call("POST", "/v1/program/versions", {"text": text}).body["version"]
    shop.call("POST", f"/v1/program/versions/{version}/activate", {"starts_at": "2026-12-01T00:00:00Z"})
    programs.forget()
    at(shop, "2026-11-30")
    assert account(shop, ada)["due_on"] == "2027-02-19"
    at(shop, "2026-12-02")
    assert account(shop, ada)["due_on"] == "2026-12-21"


def test_finding_out_what_is_due_goes_on_where_it_had_to_stop(
    shop: Service, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(6):
        shop.post("/v1/members", {"card": f"RC-{i}"}, key=f"m-{i}")
    shop.settle()
    publish_program(shop, TIMED.replace("lapsing_after_days: 90", "lapsing_after_days: 30"))
    shop.clock.move(hours=1)
    real = tables.scan_page

    def four(table: Any, after: Any) -> Any:
        found, _ = real(table, None)
        keys = [{"member": item["member"], "part": item["part"]} for item in found]
        start = keys.index(after) + 1 if after else 0
        page = found[start : start + 4]
        last = keys[start + 3] if start + 4 < len(found) else None
        return page, last

    monkeypatch.setattr(tables, "scan_page", four)
    found = 0
    for _run in range(20):
        left = iter([True])
        found += lifecycle.hand_out(lambda left=left: next(left, False))  # type: ignore[misc]
    assert found == 7
    assert lifecycle.hand_out(lambda: False) == 0


def test_where_no_programme_is_in_force_nobody_is_due(service: Service) -> None:
    without_programme(service)
    assert service.every_hour() == []
    publish_program(service, TIMED)


def test_one_member_who_cannot_be_visited_does_not_keep_the_others_waiting(
    shop: Service, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    grace = join(shop, "grace")
    buy(shop, "receipt-1", 10)
    buy(shop, "receipt-2", 10, "grace")
    shop.clock.move(days=3)
    real = lifecycle.visit

    def visit(member: str) -> lifecycle.Visit:
        if member == ada:
            raise TryAgainError("busy")
        return real(member)

    monkeypatch.setattr(lifecycle, "visit", visit)
    with pytest.raises(TryAgainError, match="1 members could not be visited"):
        lifecycle.visit_all([ada, grace])
    assert [entry[0] for entry in entries(shop, grace)] == ["earned", "activated"]
    assert [entry[0] for entry in entries(shop, ada)] == ["earned"]


# --- weeks --------------------------------------------------------------------------------------------------------


def test_weeks_of_purchases_are_the_same_night_by_night_and_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = NO_REMINDERS[: NO_REMINDERS.index("conversions:")] + NO_REMINDERS[NO_REMINDERS.index("rewards:") :]
    seen: list[Any] = []
    for at_once in (False, True):
        with deployed(monkeypatch) as service:
            ada = join(timed(service, text))
            for day in range(24):  # a whole year: tests/unit/test_year.py
                service.clock.move(days=1)
                if not at_once:
                    lifecycle.visit(ada)
                for i in range(2 if day % 11 == 0 else 1):
                    buy(service, f"receipt-{day}-{i}", 1 + day * 7 % 23)
            service.clock.move(days=100)
            lifecycle.visit(ada)
            kept = state(service, ada)
            seen.append({name: kept[name] for name in ("lots", "pending", "tiers", "counters", "debt")})
    assert seen[0] == seen[1]
