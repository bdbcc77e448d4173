"""What the stream loses, the sweeper finds; and every balance can be recomputed."""

import io
from datetime import UTC, datetime

from rich.console import Console

from cli import proving
from functions.runtime.tables import to_wire
from tests.embedded.partner import Json, Partner, purchase, until

SILENT = Console(file=io.StringIO())


def test_the_sweeper_publishes_what_the_stream_did_not(partner: Partner) -> None:
    member = partner.enrol()
    partner.post("/v1/purchases", purchase({"id": member}))
    dynamodb, accounts = partner.stack.aws("dynamodb"), partner.stack.table_names["accounts"]
    mark = to_wire({"member": member, "part": "P"})

    def published() -> bool:
        item = dynamodb.get_item(TableName=accounts, Key=mark).get("Item", {})
        return item.get("n") == {"N": "1"}

    until(published, "the mark of the stream function")
    # as if the stream had lost both records long ago
    dynamodb.delete_item(TableName=accounts, Key=mark)
    dynamodb.update_item(
        TableName=accounts,
        Key=to_wire({"member": member, "part": "A"}),
        UpdateExpression="SET updated_at = :then",
        ExpressionAttributeValues=to_wire({":then": "2026-01-01T00:00:00Z"}),
    )
    with partner.listening() as heard:
        partner.stack.aws("lambda").invoke(FunctionName=f"{partner.stack.bus_name}-ledger-every-hour", Payload=b"{}")

        def mine(event: Json) -> bool:
            return bool(event["detail"]["data"].get("member_id") == member)

        told = until(lambda: (len(heard(mine)) >= 2 and heard(mine)) or None, "the forgotten events")

    ids = [event["detail"]["metadata"]["event_id"] for event in told]
    assert ids[:2] == [f"{member}#0", f"{member}#1"]
    assert published()


def test_every_account_is_proved_and_a_forged_balance_is_found(partner: Partner) -> None:
    member = partner.enrol()
    partner.post("/v1/purchases", purchase({"id": member}))
    assert proving.prove_all(partner.stack, SILENT).drifts == []

    key = to_wire({"member": member, "part": "A"})
    dynamodb, accounts = partner.stack.aws("dynamodb"), partner.stack.table_names["accounts"]
    lots = dynamodb.get_item(TableName=accounts, Key=key)["Item"]["lots"]
    forged = to_wire({":lots": {"never": 51}})
    change = {"TableName": accounts, "Key": key, "UpdateExpression": "SET lots = :lots"}
    dynamodb.update_item(**change, ExpressionAttributeValues=forged)  # type: ignore[arg-type]
    [drift] = proving.prove_all(partner.stack, SILENT).drifts
    dynamodb.update_item(**change, ExpressionAttributeValues={":lots": lots})  # type: ignore[arg-type]

    assert drift.member == member
    assert drift.drift == "the account's lots are {'never': 51}, its entries make {'never': 50}"


def test_programme_versions_are_seen_by_warm_functions(partner: Partner) -> None:
    assert partner.get("/v1/health").json()["status"] == "ok"
    first = partner.get("/v1/program").json()
    generous = first["text"].replace("points: 1\n", "points: 3\n")
    version = partner.post("/v1/program/versions", {"text": generous}).json()["version"]
    member = partner.enrol()

    def earned() -> int:
        bought = purchase({"id": member}, amount=100, occurred_at=datetime.now(UTC).isoformat())
        answer = partner.post("/v1/purchases", bought)
        points: int = answer.json()["points"]["active"]
        return points

    assert earned() == 1
    partner.post(f"/v1/program/versions/{version}/activate", {})
    until(lambda: earned() == 3, "the new version", seconds=20)
    partner.post(f"/v1/program/versions/{first['version']}/activate", {})
    until(lambda: earned() == 1, "the first version again", seconds=20)
