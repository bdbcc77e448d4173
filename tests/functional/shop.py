"""A shop with a reward of every kind: the programme of tests/embedded/shop.yaml, and the calls about its rewards."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.redemption.spending import redemption_id
from functions.runtime import tables
from tests.functional.conftest import CLIENT, ROOT, Answer, Json, Service, publish_program
from tests.functional.factories import earn, enrol

SHOP = (ROOT / "tests" / "embedded" / "shop.yaml").read_text()
ADA: Json = {"email": "ada@example.com"}
ID = redemption_id(CLIENT, "redeem-1")
LINE: Json = {"id": "1", "sku": "lp-1", "quantity": 1, "amount": 3000, "categories": ["vinyl"]}


def shop(service: Service, *changes: tuple[str, str]) -> Service:
    """The service with the shop's programme in force, with these words of it replaced."""
    text = SHOP
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    publish_program(service, text)
    return service


def member(service: Service, points: int = 1000) -> str:
    """Ada with so many points; her id."""
    found = enrol(service)
    earn(service, dollars=points)
    return found


def another(service: Service, name: str, points: int = 1000) -> Json:
    """Somebody else with so many points; how a call names them."""
    email = {"email": f"{name}@example.com"}
    enrol(service, key=f"enrol-{name}", **email)
    earn(service, dollars=points, id=f"receipt-{name}", member=email)
    return email


def ask(service: Service, reward: str, key: str = "redeem-1", **more: Any) -> Answer:
    body = {"member": ADA, "reward_id": reward, **more}
    return service.post("/v1/redemptions", body, key=key)


def had(service: Service, reward: str, key: str = "redeem-1", **more: Any) -> Json:
    """A reward that is asked for and given."""
    answer = ask(service, reward, key, **more)
    assert answer.status == 201, answer.body
    return answer.body


def held(service: Service, reward: str, key: str = "redeem-1", **more: Any) -> Json:
    return had(service, reward, key, capture=False, **more)


def of(key: str, client: str = CLIENT) -> str:
    return f"/v1/redemptions/{redemption_id(client, key)}"


def then(service: Service, what: str, body: Json | None = None, key: str = "redeem-1") -> Answer:
    """Capture, cancel, refund or fulfilment of a redemption."""
    return service.call("POST", f"{of(key)}/{what}", body)


def shown(service: Service, key: str = "redeem-1") -> Json:
    return service.get(of(key)).body


def code_of(service: Service, reward: str = "five", key: str = "redeem-1", **more: Any) -> str:
    code: str = had(service, reward, key, **more)["voucher"]["code"]
    return code


def basket(amount: int = 3000, **more: Any) -> Json:
    return {"currency": "USD", "lines": [{**LINE, "amount": amount}], **more}


def use(service: Service, code: str, key: str = "use-1", body: Json | None = None, **more: Any) -> Answer:
    return service.post(f"/v1/vouchers/{code}/use", {**basket(), **more} if body is None else body, key=key)


def put(service: Service, change: int, reward: str = "few", key: str = "stock-1", **more: Any) -> Answer:
    return service.post(f"/v1/rewards/{reward}/stock", {"change": change}, key=key, **more)


def pieces(service: Service, reward: str = "few") -> int:
    left: int = service.get(f"/v1/rewards/{reward}").body["left"]
    return left


def balance(service: Service, member: str) -> Json:
    found: Json = service.get(f"/v1/members/{member}/balance").body
    return {name: found[name] for name in ("active", "pending", "held", "debt")}


def active(service: Service, member: str) -> int:
    points: int = balance(service, member)["active"]
    return points


def meanwhile(monkeypatch: pytest.MonkeyPatch, *what: Callable[[], object]) -> list[Callable[[], object]]:
    """Something else happens once, after the next decision and before it is written; what has not happened yet."""
    real, left = tables.transact, list(reversed(what))

    def transact(writes: Any) -> None:
        if left:
            left.pop()()
        real(writes)

    monkeypatch.setattr(tables, "transact", transact)
    return left


def error(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


def pointers(answer: Answer) -> list[str]:
    assert answer.status == 422, answer.body
    return [one["pointer"] for one in answer.body["errors"]]
