"""What every functional test relies on without saying so: each of these checks can fail."""

from typing import Any

import pytest
from jsonschema import ValidationError

from functions.ledger import items
from functions.runtime import bus, tables
from functions.runtime.envelope import OutboundEvent
from functions.runtime.observability import logger
from tests.functional.conftest import GRANTS, Service, check_books, deployed
from tests.functional.factories import earn, enrol


def test_a_call_that_a_function_is_not_granted_is_noticed(service: Service) -> None:
    event = OutboundEvent("PointsEarned", {})
    with (
        pytest.raises(AssertionError, match=r"ledger-api is not granted \['events PutEvents'\]"),
        GRANTS.of("ledger-api"),
    ):
        bus.publish([event])
    with GRANTS.of("ledger-on-account-change"):
        bus.publish([event])
    bus.publish([event])


def test_a_write_is_noticed(service: Service) -> None:
    with pytest.raises(AssertionError), service.unchanged():
        enrol(service)


@pytest.mark.parametrize("spoiled", [{"n": 2}, {"lots": {"never": 8}}, {"lots": {"2027-01-31": 7}}], ids=str)
def test_books_that_do_not_balance_are_noticed(service: Service, spoiled: dict[str, Any]) -> None:
    member = enrol(service)
    earn(service, dollars=7)
    check_books(service)
    before = tables.get("accounts", items.account_key(member)) or {}

    tables.put("accounts", {**before, **spoiled})
    with pytest.raises(AssertionError):
        check_books(service)

    tables.put("accounts", before)


def test_an_event_that_is_not_as_its_schema_says_is_noticed(service: Service) -> None:
    bus.publish([OutboundEvent("PointsEarned", {"metadata": {}, "data": {}})])
    with pytest.raises(ValidationError):
        service.on_bus()


def test_an_event_without_a_schema_is_noticed(service: Service) -> None:
    bus.publish([OutboundEvent("PointsInvented", {})])
    with pytest.raises(FileNotFoundError):
        service.on_bus()


def test_an_email_in_the_log_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="an e-mail address in the log"), deployed(monkeypatch):
        logger.info("member_enrolled", email="ada@example.com")
