"""The shop of the tests of redemption: its programme, its members, and what they do."""

from pathlib import Path
from typing import Any

from functions.redemption.spending import redemption_id
from tests.embedded.partner import Json, Partner, fresh, purchase

PROGRAMME = Path(__file__).parent / "shop.yaml"
_SUPPLIER = "127.0.0.1:4699"


def programme(folder: Path, port: int) -> Path:
    """The programme with its supplier at a port of this machine."""
    file = folder / "shop.yaml"
    file.write_text(PROGRAMME.read_text().replace(_SUPPLIER, f"127.0.0.1:{port}"))
    return file


def member_with(partner: Partner, points: int) -> str:
    member = partner.enrol()
    answer = partner.post("/v1/purchases", purchase({"id": member}, amount=points * 100))
    assert answer.status_code == 201, answer.text
    return member


def ask(partner: Partner, member: str, reward: str, key: str = "", **more: Any) -> Any:
    return partner.post("/v1/redemptions", {"member": {"id": member}, "reward_id": reward, **more}, key or fresh("ask"))


def got(answer: Any, status: int = 201) -> Json:
    assert answer.status_code == status, answer.text
    found: Json = answer.json()
    return found


def problem(answer: Any, status: int = 409) -> str:
    return str(got(answer, status)["code"])


def id_of(partner: Partner, key: str) -> str:
    """What a redemption will be called."""
    return redemption_id(partner.stack.client_id, key)


def basket(*amounts: int, **more: Any) -> Json:
    lines = [{"id": str(i), "sku": "s", "quantity": 1, "amount": amount} for i, amount in enumerate(amounts, start=1)]
    return {"currency": "USD", "lines": lines, **more}
