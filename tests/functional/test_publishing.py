"""Publishing: what is committed is told, in order, at least once; what the stream lost, the sweeper finds."""

import pytest

from functions.ledger import items, store
from functions.ledger.events import of_entry, of_opening
from functions.runtime import aws, bus, tables
from functions.runtime.bus import PublishError
from functions.runtime.envelope import OutboundEvent
from tests.functional.conftest import Json, Service, aws_client, publish_program
from tests.functional.factories import a_purchase, as_every_dollar, earn, enrol, redeem, with_rules


def told(service: Service) -> list[tuple[str, str]]:
    """Type and id of what reached the bus, in order."""
    return [(event["detail-type"], event["detail"]["metadata"]["event_id"]) for event in service.on_bus()]


def published_up_to(service: Service) -> dict[str, int]:
    """The mark of every member who has one."""
    return {item["member"]: item["n"] for item in service.items("accounts") if item["part"] == "P"}


def of_member(member: str) -> list[OutboundEvent]:
    """Every event that the books of a member stand for."""
    entries = store.since(member, 0)
    return [of_opening(store.load(member)), *(event for entry in entries for event in of_entry(entry))]


def lose(service: Service) -> list[Json]:
    """Take the stream's records of what was committed, and do nothing with them."""
    return service.stream_records()


class Refusing:
    """A bus that takes no event of one type, and every other."""

    def __init__(self, detail_type: str) -> None:
        self.detail_type = detail_type

    def put_events(self, Entries: list[Json]) -> Json:  # noqa: N803
        answers: list[Json] = []
        for entry in Entries:
            if entry["DetailType"] == self.detail_type:
                answers.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"})
            else:
                answers += aws_client("events").put_events(Entries=[entry])["Entries"]
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}


def test_every_committed_change_is_told_in_order(service: Service) -> None:
    member = enrol(service)
    earn(service, dollars=120)
    redeem(service)

    service.publish()

    events = service.on_bus()
    assert [(event["detail-type"], event["detail"]) for event in events] == [
        (event.detail_type, event.detail) for event in of_member(member)
    ]
    assert [(event["detail-type"], event["detail"]["metadata"]["event_id"]) for event in events] == [
        ("MemberEnrolled", f"{member}#0"),
        ("PointsEarned", f"{member}#1"),
        ("PointsRedeemed", f"{member}#2"),
        ("RewardRedeemed", f"{member}#2.1"),
        ("VoucherIssued", f"{member}#2.2"),
    ]
    assert {event["source"] for event in events} == {"loyalty"}
    assert published_up_to(service) == {member: 2}


def test_changes_of_one_member_are_told_in_order_whatever_else_is_in_the_batch(service: Service) -> None:
    ada = enrol(service)
    grace = enrol(service, key="enrol-2", email="grace@example.com")
    for i in range(1, 4):
        earn(service, dollars=i, id=f"ada-{i}")
        earn(service, dollars=i, id=f"grace-{i}", member={"id": grace})

    service.publish()

    ids = [event_id for _, event_id in told(service)]
    assert [id for id in ids if id.startswith(ada)] == [f"{ada}#{n}" for n in range(4)]
    assert [id for id in ids if id.startswith(grace)] == [f"{grace}#{n}" for n in range(4)]
    assert published_up_to(service) == {ada: 3, grace: 3}


def test_a_refusal_is_no_change_and_is_not_told_as_one(service: Service) -> None:
    enrol(service)
    service.publish()
    service.on_bus()
    redeem(service)
    service.publish()
    assert told(service) == []


def test_a_write_of_an_account_that_is_no_entry_is_not_told(service: Service) -> None:
    member = enrol(service)
    earn(service, dollars=1)
    service.publish()
    service.on_bus()
    account = tables.get("accounts", items.account_key(member)) or {}
    tables.put("accounts", {**account, "revision": account["revision"] + 1})

    service.publish()

    assert told(service) == []
    assert published_up_to(service) == {member: 1}


def test_more_changes_than_the_bus_takes_at_once_are_all_told(service: Service) -> None:
    member = enrol(service)
    for i in range(1, 25):
        earn(service, dollars=1, id=f"receipt-{i}")
    service.publish()
    assert [event_id for _, event_id in told(service)] == [f"{member}#{n}" for n in range(25)]


def test_the_same_record_twice_tells_the_same_events_with_the_same_ids(service: Service) -> None:
    enrol(service)
    earn(service, dollars=120)
    redeem(service)
    records = service.stream_records()

    service.publish(records)
    first = service.on_bus()
    with service.unchanged():
        service.publish(records)

    assert [event["detail"] for event in service.on_bus()] == [event["detail"] for event in first]


def test_a_late_repeat_of_an_early_record_does_not_move_the_mark_back(service: Service) -> None:
    member = enrol(service)
    early = service.stream_records()
    earn(service, dollars=1)
    service.publish(early)
    service.publish()
    service.publish(early)
    assert published_up_to(service) == {member: 1}


@pytest.mark.parametrize("refused", ["MemberEnrolled", "PointsEarned", "RewardRedeemed"])
def test_what_the_bus_did_not_take_is_not_marked_and_is_told_at_the_next_try(
    service: Service, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    member = enrol(service)
    earn(service, dollars=120)
    redeem(service)
    records = service.stream_records()

    with monkeypatch.context() as patch, service.unchanged():
        patch.setattr(aws, "events", lambda: Refusing(refused))
        with pytest.raises(PublishError, match="1 events were not taken: ThrottlingException"):
            service.publish(records)
    assert refused not in [detail_type for detail_type, _ in told(service)]

    service.publish(records)
    assert len(told(service)) == 5
    assert published_up_to(service) == {member: 2}


def test_the_sweeper_tells_what_the_stream_lost(service: Service) -> None:
    member = enrol(service)
    earn(service, dollars=120)
    redeem(service)
    lose(service)
    service.clock.move(seconds=30)

    service.sweep()

    assert [event["detail"] for event in service.on_bus()] == [event.detail for event in of_member(member)]
    assert published_up_to(service) == {member: 2}


def test_an_account_that_cannot_be_told_does_not_keep_the_others_waiting(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever account comes first: two members, only one of whom has redeemed, and no bus that takes that."""
    stuck, free = enrol(service), enrol(service, key="enrol-2", email="grace@example.com")
    earn(service, dollars=120)
    redeem(service)
    lose(service)
    service.clock.move(seconds=30)
    bus_that_refuses = Refusing("RewardRedeemed")
    monkeypatch.setattr(aws, "events", lambda: bus_that_refuses)

    with pytest.raises(PublishError):
        service.sweep()

    assert published_up_to(service) == {free: 0}
    assert stuck != free


def test_the_sweeper_tells_only_what_is_not_marked(service: Service) -> None:
    member = enrol(service)
    earn(service, dollars=120)
    service.publish()
    service.on_bus()
    redeem(service)
    lose(service)
    service.clock.move(seconds=30)

    service.sweep()

    assert told(service) == [
        ("PointsRedeemed", f"{member}#2"),
        ("RewardRedeemed", f"{member}#2.1"),
        ("VoucherIssued", f"{member}#2.2"),
    ]


def test_the_sweeper_finds_what_was_lost_before_something_that_was_told(service: Service) -> None:
    """The mark moves only over what came before it; what was told already is told again."""
    member = enrol(service)
    service.publish()
    earn(service, dollars=1, id="lost")
    lose(service)
    earn(service, dollars=1, id="told")
    service.publish()
    service.on_bus()
    assert published_up_to(service) == {member: 0}
    service.clock.move(seconds=30)

    service.sweep()

    assert told(service) == [("PointsEarned", f"{member}#1"), ("PointsEarned", f"{member}#2")]
    assert published_up_to(service) == {member: 2}


def test_the_sweeper_finds_a_lost_enrolment(service: Service) -> None:
    member = enrol(service)
    lose(service)
    earn(service, dollars=1)
    service.publish()
    service.on_bus()
    assert published_up_to(service) == {}
    service.clock.move(seconds=30)

    service.sweep()

    assert told(service) == [("MemberEnrolled", f"{member}#0"), ("PointsEarned", f"{member}#1")]
    assert published_up_to(service) == {member: 1}


def test_the_sweeper_leaves_alone_what_the_stream_may_still_bring(service: Service) -> None:
    enrol(service)
    lose(service)
    service.clock.move(seconds=29)
    with service.unchanged():
        service.sweep()
    assert told(service) == []


def test_the_sweeper_has_nothing_to_tell_when_all_is_told(service: Service) -> None:
    for i in range(3):
        enrol(service, key=f"enrol-{i}", card=f"RC-{i}000")
        earn(service, dollars=120, id=f"receipt-{i}", member={"card": f"RC-{i}000"})
    service.publish()
    service.on_bus()
    service.clock.move(days=1)

    with service.unchanged():
        service.sweep()

    assert told(service) == []


def test_a_second_sweep_tells_nothing_again(service: Service) -> None:
    enrol(service)
    earn(service, dollars=1)
    lose(service)
    service.clock.move(seconds=30)
    service.sweep()
    service.on_bus()
    with service.unchanged():
        service.sweep()
    assert told(service) == []


def test_a_sweep_that_the_bus_refuses_marks_nothing(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    enrol(service)
    earn(service, dollars=1)
    lose(service)
    service.clock.move(seconds=30)
    monkeypatch.setattr(aws, "events", lambda: Refusing("PointsEarned"))
    with service.unchanged(), pytest.raises(PublishError):
        service.sweep()


class Measuring:
    """A bus that only measures what it is given, as AWS does.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
    """

    def __init__(self) -> None:
        self.calls: list[list[int]] = []

    def put_events(self, Entries: list[Json]) -> Json:  # noqa: N803
        parts = ("Source", "DetailType", "Detail")
        self.calls.append([sum(len(entry[part].encode()) for part in parts) for entry in Entries])
        return {"FailedEntryCount": 0, "Entries": []}


LARGEST_CALL = 256 * 1024


def test_no_call_to_the_bus_is_larger_than_256_kb(monkeypatch: pytest.MonkeyPatch) -> None:
    measuring = Measuring()
    monkeypatch.setattr(aws, "events", lambda: measuring)
    monkeypatch.setenv("BUS_NAME", "loyalty")
    sizes = [30_000] * 10 + [200_000, 60_000, 1, 250_000] + [10] * 25

    bus.publish([OutboundEvent("PointsEarned", {"explanation": "x" * size}) for size in sizes])

    assert max(sum(call) for call in measuring.calls) < LARGEST_CALL
    assert max(len(call) for call in measuring.calls) == 10
    told = [size for call in measuring.calls for size in call]
    assert [size - told[12] + 1 for size in told] == sizes, "all of them, in order"


def test_no_event_is_larger_than_the_bus_takes(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    text = service.get("/v1/program").body["text"]
    publish_program(service, with_rules(text, *as_every_dollar(40)))
    enrol(service)
    lines = [{"id": f"line-{i:015}", "sku": "lp-1", "quantity": 1, "amount": 100} for i in range(500)]
    assert service.post("/v1/purchases", a_purchase(lines=lines)).status == 201
    measuring = Measuring()
    monkeypatch.setattr(aws, "events", lambda: measuring)

    service.publish()

    assert max(size for call in measuring.calls for size in call) < LARGEST_CALL
