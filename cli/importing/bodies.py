"""Purchases and members as the API takes them."""

from hashlib import sha256
from typing import Any, TypeAlias

from functions.program.occasions import Purchase, PurchaseLine

NO_SKU = "unknown"
"""What is bought on a line where the file does not tell: the API wants something."""

Json: TypeAlias = dict[str, Any]


def body(kind: str, member: str, purchase: Purchase) -> Json:
    """A purchase as the API takes it. What says nothing is left out: equal purchases must read equal for ever."""
    optional = {
        "store": purchase.store,
        "channel": purchase.channel,
        "payment_method": purchase.payment_method,
        "attributes": dict(purchase.attributes),
        "payments": [{"method": method, "amount": amount} for method, amount in purchase.payments.items()],
    }
    return {
        "id": purchase.id,
        "member": {kind: member},
        "occurred_at": purchase.occurred_at.isoformat(),
        "currency": purchase.currency,
        "lines": [_line(line) for line in purchase.lines],
        **{name: value for name, value in optional.items() if value},
    }


def _line(line: PurchaseLine) -> Json:
    optional = {
        "categories": list(line.categories),
        "brand": line.brand,
        "discounted": line.discounted and not line.discount,  # which says it already
        "discount": line.discount,
        "attributes": dict(line.attributes),
    }
    return {
        "id": line.id,
        "sku": line.sku or NO_SKU,
        "quantity": line.quantity,
        "amount": line.amount,
        **{name: value for name, value in optional.items() if value},
    }


def enrolment_key(kind: str, value: str) -> str:
    """The Idempotency-Key of an enrolment: the same in every run. Hashed, for a value may be an e-mail address."""
    return "import-" + sha256(f"{kind}\n{value}".encode()).hexdigest()[:40]
