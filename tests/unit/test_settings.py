"""Settings: all required, each named when it is missing."""

from collections.abc import Callable

import pytest

from functions.runtime import settings

GETTERS = {
    "MEMBERS_TABLE": lambda: settings.table("members"),
    "ENTRIES_TABLE": lambda: settings.table("entries"),
    "BUS_NAME": settings.bus_name,
    "DEAD_LETTER_QUEUE_URL": settings.dead_letter_queue_url,
    "SENDER": settings.sender,
}
each = pytest.mark.parametrize(("name", "get"), GETTERS.items(), ids=GETTERS)


@each
def test_a_setting_is_read_when_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, name: str, get: Callable[[], str]
) -> None:
    monkeypatch.setenv(name, "value")
    assert get() == "value"


@each
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_a_missing_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, get: Callable[[], str], value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv(name, raising=False)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(settings.SettingMissingError) as missing:
        get()
    assert str(missing.value) == f"{name} is not set: this function was not granted what it tries to use"
