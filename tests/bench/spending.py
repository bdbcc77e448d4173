"""What spending consumes: the operations, in an order in which each finds what it needs, and what each may cost."""

from collections.abc import Callable
from typing import Any

from tests.embedded.metered import Meter
from tests.embedded.partner import fresh
from tests.embedded.shop import basket

BUDGET = {
    "redeem": 5,
    "redeem, with its voucher": 8,
    "redeem, with stock": 7,
    "hold": 6,
    "capture": 5,
    "refund": 8,
    "voucher use": 7,
}
"""Write units. A hold and a voucher have one more than is written, for the index by which they end by themselves."""
LARGEST_READ: dict[str, float] = {"voucher use": 1.5}
"""Read units, where it is more than one: a use reads who guessed lately, the voucher and the account."""


def operations(meter: Meter, member: str) -> dict[str, Callable[[], Any]]:
    """For a member with points enough, in the shop of the tests."""
    found: dict[str, Any] = {}

    def ask(name: str, reward: str, **more: Any) -> Callable[[], None]:
        body = {"member": {"id": member}, "reward_id": reward, **more}

        def call() -> None:
            found[name] = meter.call("redemption", "POST", "/v1/redemptions", body, fresh("redeem"))

        return call

    def resolve(name: str, verb: str) -> Callable[[], Any]:
        return lambda: meter.call("redemption", "POST", f"/v1/redemptions/{found[name]['redemption_id']}/{verb}")

    def use() -> None:
        code = found["voucher"]["voucher"]["code"]
        meter.call("redemption", "POST", f"/v1/vouchers/{code}/use", basket(900), fresh("use"))

    return {
        "redeem": ask("plain", "trees"),
        "redeem, with its voucher": ask("voucher", "five"),
        "redeem, with stock": ask("piece", "signed"),
        "hold": ask("held", "trees", capture=False),
        "capture": resolve("held", "capture"),
        "refund": resolve("plain", "refund"),
        "voucher use": use,
    }
