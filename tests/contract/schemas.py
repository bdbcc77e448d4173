"""The contract as schemas, for every test that meets an answer, a body or an event.

answers, bodies   docs/openapi.json
events            events/schemas/<DetailType>.json: outbound ones by hand, inbound ones from the models that read
                  them (`python -m tests.contract.schemas` writes those anew)
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from pydantic import BaseModel

from functions.accrual.contract import ActivityIn, DecisionIn, PurchaseIn, ReturnEventIn
from functions.enrolment.contract import EnrolmentEventIn
from functions.redemption.contract import RedemptionEventIn

ROOT = Path(__file__).parent.parent.parent
EVENTS = ROOT / "events"
SCHEMAS = EVENTS / "schemas"
INBOUND: Mapping[str, type[BaseModel]] = {
    "MemberEnrolmentRequested": EnrolmentEventIn,
    "PurchaseCompleted": PurchaseIn,
    "PurchaseReturned": ReturnEventIn,
    "ActivityRecorded": ActivityIn,
    "ActivityDecided": DecisionIn,
    "RedemptionRequested": RedemptionEventIn,
}
OUTBOUND = (
    "MemberEnrolled",
    "PointsEarned",
    "PointsRedeemed",
    "RewardRedeemed",
    "VoucherIssued",
    "OperationRefused",
    "PointsReversed",
    "RewardHeld",
    "RewardReleased",
    "PointsActivated",
    "PointsExpired",
    "PointsAdjusted",
    "TierChanged",
    "ReferralCompleted",
    "AwaitedPurchaseArrived",
    "VoucherWithdrawn",
    "ReferralWithdrawn",
    "MemberUpdated",
    "MemberSuspended",
    "MemberReinstated",
    "MemberMerged",
    "MemberExported",
    "MemberClosed",
    "FulfilmentRequested",
    "RewardFulfilled",
    "RewardRefunded",
    "VoucherUsed",
    "PointsExpiring",
    "VoucherExpired",
    "TierAtRisk",
    "MemberLapsing",
    "BirthdayCame",
    "AnniversaryCame",
    "MembersDue",
    "EmailDue",
    "SmsDue",
    "DeliveriesDue",
)
"""In the order in which the samples tell their story."""


@cache
def openapi() -> Any:
    """The published document."""
    return json.loads((ROOT / "docs" / "openapi.json").read_text())


def operations() -> Iterator[tuple[str, str, Any]]:
    """Method, path and operation of everything in the published document."""
    for path, item in openapi()["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def check_answer(method: str, path: str, status: int, content_type: str, body: object) -> None:
    """Raises ValidationError, or AssertionError for a status or content type that the operation does not name."""
    answers = openapi()["paths"][path][method.lower()]["responses"]
    assert str(status) in answers, f"{method} {path} answers {status}, which the OpenAPI document does not name"
    content = answers[str(status)].get("content")
    if content is None:
        assert body is None, f"{method} {path} answers {status} with a body"
        return
    assert content_type in content, f"{method} {path} answers {status} as {content_type}"
    _part_of_openapi(json.dumps(content[content_type]["schema"])).validate(body)


def check_request(method: str, path: str, body: object) -> None:
    """Raises ValidationError for a body that the OpenAPI document does not allow."""
    content = openapi()["paths"][path][method.lower()]["requestBody"]["content"]
    _part_of_openapi(json.dumps(content["application/json"]["schema"])).validate(body)


def check_event(detail_type: str, detail: object) -> None:
    """Raises ValidationError, or FileNotFoundError for an event that has no schema."""
    _event(detail_type).validate(detail)


@cache
def _part_of_openapi(schema: str) -> Draft202012Validator:
    return _validator({**json.loads(schema), "components": openapi()["components"]})


@cache
def _event(detail_type: str) -> Draft202012Validator:
    return _validator(json.loads((SCHEMAS / f"{detail_type}.json").read_text()))


def _validator(schema: Any) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def text_of_inbound(detail_type: str) -> str:
    """The schema of an inbound detail, as its file must be."""
    schema = {
        "$schema": Draft202012Validator.META_SCHEMA["$id"],
        "$id": f"urn:loyalty:event:{detail_type}:1",
        **INBOUND[detail_type].model_json_schema(),
        "title": detail_type,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in INBOUND:
        (SCHEMAS / f"{name}.json").write_text(text_of_inbound(name))
