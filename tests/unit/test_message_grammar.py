"""What a programme file says of messages: every mistake with its line, and what is built of it."""

from datetime import time
from typing import Any, get_args

import pytest

from functions.program import document
from functions.program.messages.catalogue import CHANNELS, KINDS, LOCALES
from functions.program.messages.grammar import ChannelIn, MessageId, Words
from functions.program.model import Brand, Messages, OwnMessage
from functions.runtime.errors import FieldError, InvalidError

HEAD = "program: p\nname: {en: a, fr: b}\ncurrency: USD\n"
GOOD = '"A\\n\\nB"'


def read(more: str) -> Any:
    return document.read(HEAD + more)


def errors(more: str) -> list[FieldError]:
    with pytest.raises(InvalidError) as refused:
        read(more)
    return list(refused.value.errors)


def words_of(message: str, en: str, *, of: str = "words") -> str:
    """A file in which a message has these words in English; they are on line 7."""
    return f"messages:\n  each:\n    {message}:\n      {of}: {{en: '{en}', fr: {GOOD}}}\n"


# --- names are the same everywhere ---------------------------------------------------------------------------------


def test_the_grammar_knows_every_message_channel_and_language() -> None:
    assert get_args(MessageId) == tuple(kind.id for kind in KINDS)
    assert get_args(ChannelIn) == CHANNELS
    assert get_args(get_args(get_args(Words)[0])[0]) == LOCALES


# --- what is built -------------------------------------------------------------------------------------------------


def test_a_file_that_says_nothing_of_messages_sends_mails_and_fills_the_inbox() -> None:
    assert read("").messages == Messages()


def test_a_file_says_how_its_messages_go_out_and_look() -> None:
    built = read(
        "messages:\n"
        "  channels: [sms]\n"
        "  quiet_hours: 21:00-08:30\n"
        "  at_most: {per_day: 2, per_week: 5}\n"
        "  inbox_days: 30\n"
        "  each:\n"
        "    welcome: {channels: []}\n"
        f"    birthday: {{words: {{en: {GOOD}, fr: {GOOD}}}, sms: {{en: C, fr: D}}}}\n"
        "brand: {color: '#ffcc00', logo: 'https://a.example/l', website: 'https://a.example/', address: Lyon}\n"
    ).messages
    assert built == Messages(
        channels=("sms",),
        quiet=(time(21), time(8, 30)),
        per_day=2,
        per_week=5,
        inbox_days=30,
        own={
            "welcome": OwnMessage(channels=()),
            "birthday": OwnMessage(words={"en": "A\n\nB", "fr": "A\n\nB"}, sms={"en": "C", "fr": "D"}),
        },
        brand=Brand("#ffcc00", "https://a.example/l", "https://a.example/", "Lyon"),
    )


@pytest.mark.parametrize(
    ("own", "over"),
    [
        ("", ("email", "sms")),
        ("each: {welcome: {channels: [inbox]}}", ("inbox",)),
        ("each: {welcome: {channels: []}}", ()),
        (f"each: {{welcome: {{words: {{en: {GOOD}, fr: {GOOD}}}}}}}", ("email", "sms")),
        ("each: {birthday: {channels: []}}", ("email", "sms")),
    ],
)
def test_a_message_goes_out_over_its_own_channels_or_those_of_all(own: str, over: tuple[str, ...]) -> None:
    assert read(f"messages:\n  channels: [email, sms]\n  {own}\n").messages.over("welcome") == over


@pytest.mark.parametrize(
    ("color", "on_color"),
    [
        ("#000000", "#ffffff"),
        ("#ffffff", "#000000"),
        ("#1f4e5f", "#ffffff"),
        ("#ffcc00", "#000000"),
        ("#ff0000", "#000000"),
        ("#0000ff", "#ffffff"),
        ("#757575", "#ffffff"),
        ("#747474", "#ffffff"),
        ("#767676", "#000000"),
        ("#6f6f6f", "#ffffff"),
        ("#0a0a0a", "#ffffff"),
        ("#0B0B0B", "#ffffff"),
    ],
)
def test_what_stands_on_a_colour_can_be_read(color: str, on_color: str) -> None:
    assert Brand(color).on_color == on_color


# --- mistakes of its shape -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "pointer", "code"),
    [
        ("messages: {channels: [fax]}", "/messages/channels/0", "literal_error"),
        ("messages: {channels: [email, sms, inbox, email]}", "/messages/channels", "too_long"),
        ("messages: {quiet_hours: '21-08'}", "/messages/quiet_hours", "string_pattern_mismatch"),
        ("messages: {quiet_hours: '24:00-08:00'}", "/messages/quiet_hours", "string_pattern_mismatch"),
        ("messages: {quiet_hours: '21:00-21:00'}", "/messages/quiet_hours", "quiet_hours"),
        ("messages: {at_most: {per_day: 0}}", "/messages/at_most/per_day", "greater_than_equal"),
        ("messages: {at_most: {per_day: 21}}", "/messages/at_most/per_day", "less_than_equal"),
        ("messages: {at_most: {per_week: 51}}", "/messages/at_most/per_week", "less_than_equal"),
        ("messages: {at_most: {per_month: 1}}", "/messages/at_most/per_month", "extra_forbidden"),
        ("messages: {inbox_days: 0}", "/messages/inbox_days", "greater_than_equal"),
        ("messages: {inbox_days: 731}", "/messages/inbox_days", "less_than_equal"),
        (
            "messages: {each: {welcome: {words: {en: '', fr: x}}}}",
            "/messages/each/welcome/words/en",
            "string_too_short",
        ),
        ("messages: {each: {welcome: {subject: x}}}", "/messages/each/welcome/subject", "extra_forbidden"),
        ("messages: {each: {welcome: {words: {en: x}}}}", "/messages/each/welcome", "language_missing"),
        ("messages: {each: {welcome: {sms: {fr: x}}}}", "/messages/each/welcome", "language_missing"),
        ("brand: {color: red}", "/brand/color", "string_pattern_mismatch"),
        ("brand: {color: '#fff'}", "/brand/color", "string_pattern_mismatch"),
        ("brand: {logo: 'http://a.example/l'}", "/brand/logo", "string_pattern_mismatch"),
        ("brand: {website: 'javascript:alert(1)'}", "/brand/website", "string_pattern_mismatch"),
        ("brand: {website: 'https://a.example/\"onload=x'}", "/brand/website", "string_pattern_mismatch"),
        ("brand: {address: ''}", "/brand/address", "string_too_short"),
    ],
)
def test_a_mistake_is_named_where_it_is(more: str, pointer: str, code: str) -> None:
    [error] = errors(f"{more}\n")
    assert (error.pointer, error.code, error.detail.partition(":")[0]) == (pointer, code, "line 4")


@pytest.mark.parametrize(
    ("own", "detail"),
    [
        ("words: {en: x}", "words are missing in fr"),
        ("words: {fr: x}", "words are missing in en"),
        ("sms: {en: x}", "sms are missing in fr"),
    ],
)
def test_words_in_one_language_only_are_none(own: str, detail: str) -> None:
    [error] = errors(f"messages: {{each: {{welcome: {{{own}}}}}}}\n")
    assert error.detail == f"line 4: {detail}"


def test_a_message_or_a_language_that_there_is_not_is_named() -> None:
    assert errors("messages: {each: {hello: {channels: []}}}\n")[0].code == "literal_error"
    assert errors("messages: {each: {welcome: {words: {en: x, fr: y, de: z}}}}\n")[0].code == "literal_error"


# --- words are tried before a member reads them --------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_words_may_name_every_fact_of_their_message(kind: Any) -> None:
    named = " ".join(f"{{{{ {fact} }}}}" for fact in ("program", "given_name", *kind.facts))
    read(f'messages: {{each: {{{kind.id}: {{words: {{en: "S\\n\\n{named}", fr: {GOOD}}}}}}}}}\n')
    read(words_of(kind.id, named, of="sms"))


@pytest.mark.parametrize(
    ("message", "template", "detail"),
    [
        ("welcome", "{{ points }}", "'points' is undefined. Here there are: given_name, program"),
        ("welcome", "{{ program | upper }}", "line 1 of the words: No filter named 'upper'."),
        ("welcome", "{% if program %}", "line 1 of the words: Unexpected end of template."),
        ("welcome", "{{ program.__class__ }}", "Words may name facts, and nothing behind them."),
        ("welcome", "{{ program * 10**10 }}", "line 1 of the words: There is no mul in words."),
        ("welcome", "{% if given_name %}Hello{% endif %}", "A text message says something."),
        ("tier_reached", "{{ held_until | day }}", "A fact is used as something that it is not:"),
        ("reward_ready", "{{ points | number }}", "A fact is used as something that it is not:"),
        ("points_earned", "{{ reasons | number }}", "A fact is used as something that it is not:"),
    ],
)
def test_words_that_would_fail_are_named_with_what_there_is(message: str, template: str, detail: str) -> None:
    [error] = errors(words_of(message, template, of="sms"))
    assert (error.pointer, error.code) == (f"/messages/each/{message}/sms/en", "words")
    assert error.detail.startswith(f"line 7: {detail}")
    assert "Here there are: " in error.detail


def test_each_language_and_each_kind_of_words_is_tried() -> None:
    found = errors(
        "messages:\n  each:\n    welcome:\n"
        '      words: {en: "{{ no }}\\n\\nx", fr: "x\\n\\n{{ no }}"}\n'
        "      sms: {en: '{{ no }}', fr: '{{ no }}'}\n"
        "    birthday:\n      words: {en: only a subject, fr: only a subject}\n"
    )
    at = "/messages/each"
    assert sorted(error.pointer for error in found) == [
        f"{at}/birthday/words/en",
        f"{at}/birthday/words/fr",
        f"{at}/welcome/sms/en",
        f"{at}/welcome/sms/fr",
        f"{at}/welcome/words/en",
        f"{at}/welcome/words/fr",
    ]


def test_a_fact_that_may_be_missing_may_be_asked_for() -> None:
    read(words_of("tier_reached", "x{% if held_until %} {{ held_until | day }}{% endif %}", of="sms"))
