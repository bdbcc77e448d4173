"""Redemptions over HTTPS: points become a voucher, once; a refusal stays one."""

import re

import pytest

from functions.ledger.reward_items import ENDING_SHARDS
from functions.redemption.spending import redemption_id
from tests.functional.conftest import CLIENT, Json, Service
from tests.functional.factories import NOBODY, REDEMPTION, earn, enrol, problem, redeem, with_points, without_programme

CODE = r"([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}"
ID = redemption_id(CLIENT, "redeem-1")


@pytest.fixture
def ada(service: Service) -> str:
    """Ada has 120 points."""
    member = enrol(service)
    earn(service, dollars=120)
    return member


def test_a_redemption_answers_with_its_whole_effect(service: Service, ada: str) -> None:
    answer = redeem(service)

    assert (answer.status, answer.replayed) == (201, False)
    code = answer.body["voucher"]["code"]
    assert re.fullmatch(CODE, code)
    assert answer.body == {
        "entry": {
            "id": f"{ada}#2",
            "member_id": ada,
            "n": 2,
            "kind": "redeemed",
            "points": -100,
            "lots": [{"expires_on": None, "points": -100}],
            "balance_after": {"active": 20, "pending": 0, "held": 0, "debt": 0},
            "operation": {"kind": "redemption", "id": ID, "source": "till-client"},
            "program_version": 1,
            "occurred_at": "2026-11-21T10:00:00Z",
            "recorded_at": "2026-11-21T10:00:00Z",
        },
        "points": {"active": -100, "pending": 0, "held": 0, "debt": 0},
        "balance": {"active": 20, "pending": 0, "held": 0, "debt": 0},
        "tier": None,
        "rewards_earned": [],
        "rewards_withdrawn": [],
        "explanation": [],
        "redemption_id": ID,
        "reward_id": "voucher-5",
        "status": "captured",
        "value": 500,
        "money": 0,
        "currency": "USD",
        "expires_at": None,
        "refunded": 0,
        "fulfilment": None,
        "voucher": {"code": code, "value": 500, "currency": "USD", "valid_until": "2027-02-19"},
    }


def test_a_redemption_is_an_entry_a_changed_account_and_a_voucher_and_nothing_else(service: Service, ada: str) -> None:
    before = service.tables()

    code = redeem(service).body["voucher"]["code"]

    after = service.tables()
    assert {name for name in after if after[name] != before[name]} == {"accounts", "entries", "rewards"}
    reward = {
        "redemption": ID,
        "reward": "voucher-5",
        "kind": "voucher",
        "value": 500,
        "currency": "USD",
        "valid_from": "2026-11-21",
        "valid_until": "2027-02-19",
    }
    [entry] = [entry for entry in service.items("entries") if entry["n"] == 2]
    assert len(entry.pop("hash")) == 32
    assert entry == {
        "operation": f"redemption#{ID}",
        "source": "till-client",
        "correlation": "request-1",
        "member": ada,
        "n": 2,
        "kind": "redeemed",
        "change": {"lots": {"never": -100}},
        "balance": [20, 0, 0, 0],
        "tier": None,
        "occurred_at": "2026-11-21T10:00:00.000000Z",
        "recorded_at": "2026-11-21T10:00:00.000000Z",
        "version": 1,
        "why": [],
        "currency": "USD",
        "reward": {**reward, "code": code},
    }
    [voucher] = service.items("rewards")
    assert voucher.pop("ends") in ENDING_SHARDS
    assert voucher == {"key": f"V#{code}", "member": ada, "version": 1, "ends_on": reward["valid_until"], **reward}
    [account] = service.items("accounts")
    assert (account["n"], account["revision"], account["lots"]) == (2, 2, {"never": 20})
    assert account["latest"] == [f"redemption#{ID}"]


def test_a_redemption_that_is_sent_again_takes_nothing_and_gives_the_same_voucher(service: Service, ada: str) -> None:
    first = redeem(service)
    service.clock.move(days=400)

    with service.unchanged():
        again = redeem(service)

    assert (again.status, again.body, again.replayed) == (201, first.body, True)


def test_capture_at_once_is_what_happens_anyway(service: Service, ada: str) -> None:
    first = service.post(
        "/v1/redemptions", {name: value for name, value in REDEMPTION.items() if name != "capture"}, key="redeem-1"
    )
    again = redeem(service)
    assert (again.body, again.replayed) == (first.body, True)


@pytest.mark.parametrize(
    "changes", [{"reward_id": "voucher-50"}, {"member": {"email": "grace@example.com"}}], ids=",".join
)
@pytest.mark.parametrize("points", [120, 20], ids=["granted", "refused"])
def test_a_key_cannot_be_used_for_another_redemption(service: Service, points: int, changes: Json) -> None:
    for key, email in (("enrol-1", "ada@example.com"), ("enrol-2", "grace@example.com")):
        enrol(service, key=key, email=email)
    earn(service, dollars=points)
    redeem(service)

    with service.unchanged():
        answer = redeem(service, **changes)

    assert (answer.status, answer.replayed) == (422, False)
    assert answer.body == problem(
        422,
        "operation_id_reused",
        "This operation id was used with another payload",
        f"The redemption {ID} was sent before with another payload.",
    )


def test_two_keys_are_two_redemptions(service: Service, ada: str) -> None:
    earn(service, dollars=80, id="receipt-2")
    first, second = redeem(service, key="redeem-1"), redeem(service, key="redeem-2")
    assert second.body["balance"] == {"active": 0, "pending": 0, "held": 0, "debt": 0}
    assert first.body["voucher"]["code"] != second.body["voucher"]["code"]


def test_two_partners_may_use_the_same_key(service: Service, ada: str) -> None:
    earn(service, dollars=80, id="receipt-2")
    till = service.post("/v1/redemptions", REDEMPTION, key="redeem-1", client="till-client")
    shop = service.post("/v1/redemptions", REDEMPTION, key="redeem-1", client="shop-client")
    assert (till.status, shop.status, shop.replayed) == (201, 201, False)


INSUFFICIENT = problem(
    409,
    "insufficient_points",
    "Not enough points",
    "100 points are needed; 1 are missing.",
    required=100,
    missing=1,
)


def test_cannot_redeem_more_than_active_points(service: Service) -> None:
    enrol(service)
    earn(service, dollars=99)
    before = service.tables()

    answer = redeem(service)

    assert (answer.status, answer.replayed) == (409, False)
    assert answer.body == INSUFFICIENT
    after = service.tables()
    assert {name for name in after if after[name] != before[name]} == {"entries"}
    [refusal] = [entry for entry in service.items("entries") if "refused" in entry]
    assert len(refusal.pop("hash")) == 32
    assert refusal == {
        "operation": f"redemption#{ID}",
        "refused": {name: value for name, value in INSUFFICIENT.items() if name != "status"},
    }


def test_a_refusal_stays_a_refusal_after_points_have_come(service: Service) -> None:
    enrol(service)
    earn(service, dollars=99)
    redeem(service)
    earn(service, dollars=500, id="receipt-2")

    with service.unchanged():
        again = redeem(service)

    assert (again.status, again.body, again.replayed) == (409, INSUFFICIENT, True)
    assert redeem(service, key="redeem-2").status == 201


def test_a_refused_redemption_is_no_redemption(service: Service) -> None:
    member = enrol(service)
    redeem(service)
    assert service.get(f"/v1/redemptions/{ID}").status == 404
    assert service.get(f"/v1/members/{member}/ledger").body["items"] == []


def test_expired_points_buy_nothing(service: Service) -> None:
    enrol(service)
    with_points(service, "expire: {after_months: 1}")
    earn(service, dollars=100)
    service.clock.move(days=31)
    assert redeem(service).body["missing"] == 100


def test_points_that_expire_first_are_spent_first(service: Service) -> None:
    enrol(service)
    earn(service, dollars=70, id="for-ever")
    with_points(service, "expire: {after_months: 2}")
    earn(service, dollars=60, id="for-two-months")
    assert redeem(service).body["entry"]["lots"] == [
        {"expires_on": "2027-01-20", "points": -60},
        {"expires_on": None, "points": -40},
    ]


def test_a_reward_that_is_not_in_the_programme_is_not_found_and_the_refusal_is_not_kept(
    service: Service, ada: str
) -> None:
    with service.unchanged():
        answer = redeem(service, reward_id="voucher-50")
    assert answer.status == 404
    assert answer.body == problem(
        404, "reward_not_found", "No such reward", "The programme offers no reward voucher-50."
    )


def test_a_redemption_of_nobody_is_not_found(service: Service, ada: str) -> None:
    with service.unchanged():
        answer = redeem(service, member={"id": NOBODY})
    assert answer.status == 404
    assert answer.body == problem(404, "member_not_found", "No such member", "No member has this id.")


def test_without_a_programme_nothing_is_redeemed(service: Service, ada: str) -> None:
    without_programme(service)
    with service.unchanged():
        answer = redeem(service)
    assert (answer.status, answer.body["code"]) == (409, "program_not_active")


def test_capture_is_a_bool_and_no_number(service: Service, ada: str) -> None:
    with service.unchanged():
        answer = redeem(service, capture=1)
    assert answer.status == 422


def test_a_redemption_can_be_looked_up(service: Service, ada: str) -> None:
    made = redeem(service)
    answer = service.get(f"/v1/redemptions/{ID}")
    assert (answer.status, answer.body, answer.replayed) == (200, made.body, False)


@pytest.mark.parametrize("id", [ID, redemption_id("shop-client", "redeem-1")])
def test_a_redemption_that_never_was_is_not_found(service: Service, id: str) -> None:
    answer = service.get(f"/v1/redemptions/{id}")
    assert answer.status == 404
    assert answer.body == problem(404, "redemption_not_found", "No such redemption", f"There is no redemption {id}.")


def test_a_voucher_says_what_it_is_worth(service: Service, ada: str) -> None:
    code = redeem(service).body["voucher"]["code"]
    answer = service.get(f"/v1/vouchers/{code}")
    assert answer.status == 200
    assert answer.body == {
        "code": code,
        "value": 500,
        "currency": "USD",
        "valid_from": "2026-11-21",
        "valid_until": "2027-02-19",
        "status": "active",
        "redemption_id": ID,
        "reward_id": "voucher-5",
        "uses": 0,
        "uses_left": 1,
        "minimum_spend": 0,
        "stores": [],
    }


def test_a_voucher_is_found_however_its_code_is_typed(
    service: Service, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_bytes", lambda count: bytes([1] * count))
    code = redeem(service).body["voucher"]["code"]
    assert "1" in code
    assert "0" in code
    assert {"0", "1"} & set(code)
    for typed in (
        code.lower(),
        code.replace("-", ""),
        code.replace("-", " "),
        code.replace("0", "o"),
        code.replace("1", "l"),
    ):
        assert service.get(f"/v1/vouchers/{typed}").body["code"] == code


@pytest.mark.parametrize(("days", "status"), [(0, "active"), (90, "active"), (91, "expired")])
def test_a_voucher_can_be_used_until_the_end_of_its_last_day(
    service: Service, ada: str, days: int, status: str
) -> None:
    code = redeem(service).body["voucher"]["code"]
    service.clock.move(days=days)
    assert service.get(f"/v1/vouchers/{code}").body["status"] == status


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("0000-0000-0000-0000", "No voucher has this code."),
        ("0000-0000-0000-0001", "No voucher has this code: it is mistyped."),
        ("voucher", "No voucher has this code: it is mistyped."),
        ("é", "No voucher has this code: it is mistyped."),
    ],
)
def test_a_code_that_no_voucher_has_is_not_found(service: Service, code: str, detail: str) -> None:
    answer = service.get(f"/v1/vouchers/{code}")
    assert answer.status == 404
    assert answer.body == problem(404, "voucher_not_found", "No such voucher", detail)


def test_a_voucher_code_is_in_no_log(service: Service, ada: str) -> None:
    code = redeem(service).body["voucher"]["code"]
    service.get(f"/v1/vouchers/{code}")
    service.notify()
    assert code not in service.log.getvalue()
    assert code.replace("-", "") not in service.log.getvalue()
