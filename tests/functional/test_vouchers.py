"""Vouchers at the till: what they pay, how often, where; and that nobody can guess one."""

import json
from datetime import timedelta

import pytest

from functions.ledger.vouchers import code_from, normal_code
from functions.redemption.vouchers import MOST_GUESSES, WINDOW
from functions.runtime import tables
from tests.functional.conftest import Json, Service
from tests.functional.engaged import engaged
from tests.functional.engaged import give_back as bring_back
from tests.functional.shop import (
    LINE,
    active,
    basket,
    code_of,
    error,
    had,
    held,
    meanwhile,
    member,
    pointers,
    shop,
    then,
    use,
)

Patch = pytest.MonkeyPatch
NOBODYS = [code_from(i.to_bytes(10)) for i in range(1, 60)]


@pytest.fixture(autouse=True)
def ada(service: Service) -> str:
    shop(service)
    return member(service)


def state(service: Service, code: str) -> Json:
    found: Json = service.get(f"/v1/vouchers/{code}").body
    return found


def test_a_voucher_pays_a_part_of_a_purchase_by_line(service: Service, ada: str) -> None:
    code = code_of(service)
    lines = [{**LINE, "amount": 1000}, {**LINE, "id": "2", "amount": 3000}]

    answer = use(service, code, lines=lines)

    assert answer.status == 200
    assert {name: answer.body[name] for name in ("paid", "lines", "left", "used_up", "currency", "reward_id")} == {
        "paid": 500,
        "lines": {"1": 125, "2": 375},
        "left": 0,
        "used_up": True,
        "currency": "USD",
        "reward_id": "five",
    }
    assert (answer.body["entry"]["kind"], answer.body["points"]["active"]) == ("used", 0)
    assert (state(service, code)["status"], state(service, code)["uses"], state(service, code)["uses_left"]) == (
        "used",
        1,
        0,
    )


def test_a_use_is_made_once(service: Service) -> None:
    code = code_of(service)
    first = use(service, code)
    with service.unchanged():
        again = use(service, code.lower().replace("-", ""))
        assert (again.body, again.replayed) == (first.body, True)
        assert error(use(service, code, store="queens")) == (422, "operation_id_reused")
    refused = use(service, code, key="use-2")
    assert (error(refused), refused.body["reason"]) == ((409, "voucher_not_usable"), "used")
    assert use(service, code, key="use-2").replayed
    other = code_of(service, key="redeem-2")
    with service.unchanged():
        assert error(use(service, other)) == (422, "operation_id_reused")
    assert service.post(f"/v1/vouchers/{other}/use", basket(), key="use-1", client="desk").status == 200


def test_of_two_uses_at_once_one_counts(service: Service, monkeypatch: Patch) -> None:
    code = code_of(service)
    meanwhile(monkeypatch, lambda: use(service, code, key="winner"))
    assert error(use(service, code, key="loser")) == (409, "voucher_not_usable")
    assert state(service, code)["uses"] == 1


def test_of_two_uses_of_a_part_at_once_both_count(service: Service, monkeypatch: Patch) -> None:
    code = code_of(service, "gift-card")
    meanwhile(monkeypatch, lambda: use(service, code, key="a", amount=1500))
    second = use(service, code, key="b", amount=1500)
    assert (second.body["paid"], second.body["left"], second.body["used_up"]) == (500, 0, True)


def test_a_balance_is_used_in_parts_until_nothing_is_left(service: Service) -> None:
    code = code_of(service, "gift-card")
    assert use(service, code, key="a", body=basket(1200)).body["left"] == 800
    assert (state(service, code)["value"], state(service, code)["uses_left"], state(service, code)["status"]) == (
        800,
        None,
        "active",
    )
    assert use(service, code, key="b", amount=300).body["left"] == 500
    last = use(service, code, key="c", body=basket(9000))
    assert (last.body["paid"], last.body["left"], last.body["used_up"]) == (500, 0, True)
    assert use(service, code, key="d").body["reason"] == "used"


def test_a_voucher_for_several_times_is_whole_each_time(service: Service) -> None:
    shop(service, ("value: 500, valid_days: 30", "value: 500, valid_days: 30, use: {times: 2}"))
    code = code_of(service)
    first = use(service, code, key="a", body=basket(300))
    assert (first.body["paid"], first.body["left"], first.body["used_up"]) == (300, 500, False)
    assert (state(service, code)["uses_left"], state(service, code)["value"]) == (1, 500)
    assert use(service, code, key="b").body["used_up"] is True
    assert use(service, code, key="c").body["reason"] == "used"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (basket(3000), "store"),
        (basket(3000, store="queens"), "store"),
        (basket(2999, store="brooklyn"), "minimum_spend"),
        ({**basket(store="brooklyn"), "lines": [{**LINE, "categories": ["cd"]}]}, "lines"),
    ],
)
def test_a_voucher_is_used_only_as_its_terms_say(service: Service, body: Json, reason: str) -> None:
    code = code_of(service, "vinyl-only")
    answer = use(service, code, body=body)
    assert (error(answer), answer.body["reason"]) == ((409, "voucher_not_usable"), reason)
    assert use(service, code, body=body).replayed
    mixed = [{**LINE, "amount": 700}, {**LINE, "id": "2", "categories": ["cd"], "amount": 9000}]
    used = use(service, code, key="use-2", body={**basket(store="brooklyn"), "lines": mixed})
    assert (used.body["paid"], used.body["lines"]) == (700, {"1": 700}), "it pays what it is for"


def test_a_voucher_keeps_the_terms_of_the_programme_that_issued_it(service: Service) -> None:
    code = code_of(service, "vinyl-only")
    shop(service, ("minimum_spend: 3000", "minimum_spend: 9000"), ("id: vinyl-only", "id: other"))
    assert state(service, code)["minimum_spend"] == 3000
    assert use(service, code, store="brooklyn").status == 200


def test_a_voucher_is_used_within_its_days_and_not_a_minute_later(service: Service) -> None:
    """Midnight in New York is five in the morning in UTC."""
    shop(service, ("value: 500, valid_days: 30", "value: 500, usable_from: 2026-11-22, usable_to: 2026-11-23"))
    codes = [code_of(service, key=key) for key in ("a", "b", "c")]
    assert (state(service, codes[0])["status"], use(service, codes[0], key="0").body["reason"]) == (
        "not_yet",
        "not_yet",
    )
    service.clock.move(hours=19)
    assert use(service, codes[0], key="1").status == 200
    service.clock.move(hours=47, minutes=59)
    assert state(service, codes[1])["status"] == "active"
    assert use(service, codes[2], key="last-minute").status == 200
    service.clock.move(minutes=1)
    assert (state(service, codes[1])["status"], use(service, codes[1], key="2").body["reason"]) == (
        "expired",
        "expired",
    )


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (basket(currency="EUR"), "/currency"),
        ({**basket(), "amount": 0}, "/amount"),
        ({**basket(), "amount": -1}, "/amount"),
        (basket(colour="red"), "/colour"),
        ({"currency": "USD", "lines": []}, "/lines"),
        (basket(-3000), "/lines/0/amount"),
        ({"currency": "USD", "lines": [{**LINE, "quantity": -1}]}, "/lines/0/quantity"),
    ],
)
def test_a_basket_that_is_wrong_is_named_and_nothing_is_written(service: Service, body: Json, pointer: str) -> None:
    code = code_of(service)
    with service.unchanged():
        assert pointers(use(service, code, body=body)) == [pointer]
    assert use(service, code).status == 200


def test_a_purchase_of_nothing_uses_no_voucher(service: Service) -> None:
    code = code_of(service)
    assert use(service, code, body=basket(0)).body["reason"] == "nothing_to_pay"
    assert state(service, code)["status"] == "active"


def test_who_is_suspended_or_has_left_uses_no_voucher(service: Service, ada: str) -> None:
    code = code_of(service)
    service.post(f"/v1/members/{ada}/suspend", {"reason": "fraud"}, key="suspend-1")
    assert error(use(service, code, key="a")) == (409, "member_suspended")
    service.post(f"/v1/members/{ada}/reinstate", {}, key="reinstate-1")
    service.call("DELETE", f"/v1/members/{ada}", headers={"idempotency-key": "leave-1"})
    assert error(use(service, code, key="b")) == (409, "member_closed")


def test_a_voucher_is_as_good_after_its_member_was_merged_into_another(service: Service, ada: str) -> None:
    code = code_of(service)
    grace = service.post("/v1/members", {"email": "grace@example.com"}, key="enrol-grace").body["member_id"]
    service.post(f"/v1/members/{ada}/merge", {"into": grace}, key="merge-1")
    assert use(service, code).body["entry"]["member_id"] == grace


def test_a_voucher_that_was_issued_a_moment_ago_is_found(service: Service, monkeypatch: Patch) -> None:
    """A cheap read may not see it yet."""
    code, real = code_of(service), tables.get

    def get(table: str, key: Json, *, consistent: bool = False) -> Json | None:
        return real(table, key, consistent=consistent) if consistent or table != "rewards" else None  # type: ignore[arg-type]

    monkeypatch.setattr(tables, "get", get)
    assert use(service, code).status == 200
    assert [item for item in service.items("rewards") if item["key"].startswith("G#")] == []


def test_a_voucher_is_shown_to_be_scanned(service: Service) -> None:
    code = code_of(service)
    shown = service.get(f"/v1/vouchers/{code.lower()}/qr").body
    assert shown["code"] == code
    assert shown["qr_svg"].startswith("<svg")


def test_mistyping_is_told_and_is_no_guessing(service: Service) -> None:
    code = code_of(service)
    wrong = code[:-1] + ("2" if code[-1] != "2" else "3")
    for _ in range(MOST_GUESSES + 5):
        assert error(service.get(f"/v1/vouchers/{wrong}")) == (404, "voucher_not_found")
    assert service.get(f"/v1/vouchers/{code}").status == 200


def test_whoever_guesses_is_stopped_for_a_while_and_nobody_else(
    service: Service, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "redemption")
    code = code_of(service)
    capsys.readouterr()
    for nobodys in NOBODYS[:MOST_GUESSES]:
        assert normal_code(nobodys) == nobodys
        assert error(service.get(f"/v1/vouchers/{nobodys}")) == (404, "voucher_not_found")
        service.clock.move(seconds=1)

    for stopped in (
        service.get(f"/v1/vouchers/{code}"),
        use(service, code),
        service.get(f"/v1/vouchers/{code}/qr"),
    ):
        assert error(stopped) == (429, "too_many_guesses")
        assert int(stopped.headers["retry-after"]) == 600 - MOST_GUESSES + 1
    assert service.call("GET", f"/v1/vouchers/{code}", client="desk").status == 200

    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert sum(one["VoucherCodesGuessed"][0] for one in metrics) == MOST_GUESSES
    [dimensions] = {str(one["_aws"]["CloudWatchMetrics"][0]["Dimensions"]) for one in metrics}
    assert (dimensions, {one["service"] for one in metrics}) == ("[['service']]", {"redemption"}), "as the alarm has it"
    service.clock.time += WINDOW - timedelta(seconds=MOST_GUESSES)
    assert use(service, code).status == 200
    assert not [nobodys for nobodys in NOBODYS if nobodys in service.log.getvalue()]


def test_guesses_of_long_ago_do_not_count(service: Service) -> None:
    for i, nobodys in enumerate(NOBODYS[: MOST_GUESSES + 10]):
        assert error(service.get(f"/v1/vouchers/{nobodys}"))[0] == 404, i
        service.clock.move(seconds=35)


def test_no_code_and_nothing_personal_is_in_a_log_or_on_the_bus(service: Service) -> None:
    codes = [code_of(service), code_of(service, "gift-card", key="redeem-2")]
    for i, code in enumerate(codes):
        service.get(f"/v1/vouchers/{code}")
        service.get(f"/v1/vouchers/{code}/qr")
        use(service, code, key=f"use-{i}")
        use(service, code, key=f"again-{i}", body=basket(1, currency="EUR"))
    then(service, "refund")
    then(service, "refund", key="redeem-2")
    told = str(service.settle())
    for code in codes:
        for text in (told, service.log.getvalue()):
            assert code not in text
            assert code.replace("-", "") not in text
    assert "ada@" not in told


def test_a_use_is_told(service: Service) -> None:
    code = code_of(service, "gift-card")
    service.settle()
    use(service, code, amount=1500)
    [told] = service.settle()
    assert told["detail-type"] == "VoucherUsed"
    data = told["detail"]["data"]
    assert (data["value"], data["paid"], data["left"], data["used_up"]) == (2000, 1500, 500, False)


def test_a_reward_with_a_code_and_no_value_is_used_too(service: Service) -> None:
    code = code_of(service, "flash")
    used = use(service, code)
    assert (used.body["paid"], used.body["lines"], used.body["used_up"]) == (0, {}, True)


def test_the_statement_says_which_reward_was_used(service: Service, ada: str) -> None:
    made = had(service, "five")
    use(service, made["voucher"]["code"])
    top = service.get(f"/v1/members/{ada}/ledger").body["items"][0]
    assert (top["kind"], top["reward_id"], top["redemption_id"]) == ("used", "five", made["redemption_id"])


def given_voucher(service: Service) -> str:
    """Two dollars for each twenty of vinyl: a voucher that came with a purchase."""
    from tests.functional.engaged import buy, join

    engaged(service)
    join(service)
    vinyl = [{**LINE, "id": str(i), "amount": 2000} for i in (1, 2)]
    made = buy(service, "vinyl", 0, lines=vinyl).body["rewards_earned"]
    code: str = made[0]["code"]
    return code


def test_a_voucher_that_was_used_before_its_purchase_came_back_stays_used(service: Service) -> None:
    code = given_voucher(service)
    value = state(service, code)["value"]
    assert use(service, code).body["used_up"] is True
    answer = bring_back(service, "vinyl")
    assert answer.status == 201
    assert code not in [one.get("code") for one in answer.body["rewards_withdrawn"]]
    assert (state(service, code)["status"], state(service, code)["value"]) == ("used", 0)
    assert value > 0


def test_a_voucher_that_is_used_while_its_purchase_comes_back_is_used_or_gone(
    service: Service, monkeypatch: Patch
) -> None:
    code = given_voucher(service)
    meanwhile(monkeypatch, lambda: use(service, code))
    assert bring_back(service, "vinyl").status == 201
    assert state(service, code)["status"] == "used"


def test_a_voucher_that_came_back_cannot_be_used(service: Service) -> None:
    code = given_voucher(service)
    bring_back(service, "vinyl")
    assert use(service, code).body["reason"] == "withdrawn"


def test_a_held_reward_has_no_code_yet(service: Service, ada: str) -> None:
    assert held(service, "five")["voucher"] is None
    assert active(service, ada) == 900
