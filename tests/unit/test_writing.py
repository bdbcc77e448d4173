"""Messages: the whole text, in every language and for every channel, as a member reads it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from babel.core import Locale

from functions.program.messages.catalogue import BY_ID, KINDS, examples
from functions.program.messages.writing import (
    LONGEST_SMS,
    LONGEST_SUBJECT,
    LONGEST_TEXT,
    WordsError,
    footer,
    language,
    money,
    page,
    words,
    write,
    write_html,
    write_sms,
)
from functions.program.model import Brand, Messages, OwnMessage
from tests.unit.factories import a_program

NARROW = "\N{NARROW NO-BREAK SPACE}"
WIDE = "\N{NO-BREAK SPACE}"
PROGRAM = a_program()
FACTS: Mapping[str, Any] = examples(BY_ID["welcome"])[0]
HEAD = "Subject\n\n"


class Texts(NamedTuple):
    """A message as a mail and in the inbox, and as a text message."""

    subject: str
    body: str
    sms: str


TEXTS = {
    ("welcome", "en"): Texts(
        "Welcome to Record Club",
        "Hello Ada,\n\nyou are now a member of Record Club. Every purchase counts from today.\n",
        "Welcome to Record Club. Every purchase counts from today.",
    ),
    ("welcome", "fr"): Texts(
        "Bienvenue chez Record Club",
        "Bonjour Ada,\n\nvous êtes désormais membre du programme Record Club. Chaque achat compte dès aujourd’hui.\n",
        "Bienvenue chez Record Club. Chaque achat compte dès aujourd’hui.",
    ),
    ("points_earned", "en"): Texts(
        "1,250 points for you",
        "Hello Ada,\n\nyou earned 1,250 points. Your balance is 3,075.\n\n- 1 point per euro: 1,250\n",
        "Record Club: 1,250 points for you. Balance: 3,075.",
    ),
    ("points_earned", "fr"): Texts(
        "1 250 points pour vous",
        "Bonjour Ada,\n\n"
        f"vous avez gagné 1{NARROW}250 points. Votre solde est de 3{NARROW}075.\n\n"
        f"- 1 point per euro : 1{NARROW}250\n",
        "Record Club : 1 250 points pour vous. Solde : 3 075.",
    ),
    ("points_expiring", "en"): Texts(
        "1,250 points to use by January 31, 2027",
        "Hello Ada,\n\n1,250 of your points can be used until January 31, 2027. After that day they are gone.\n",
        "Record Club: 1,250 points to use by January 31, 2027.",
    ),
    ("points_expiring", "fr"): Texts(
        "1 250 points à utiliser jusqu’au 31 janvier 2027",
        "Bonjour Ada,\n\n"
        f"1{NARROW}250 de vos points peuvent être utilisés jusqu’au 31 janvier 2027 inclus. Ensuite, "
        "ils seront perdus.\n",
        "Record Club : 1 250 points à utiliser jusqu’au 31 janvier 2027.",
    ),
    ("tier_reached", "en"): Texts(
        "You are Gold now",
        "Hello Ada,\n\nyou have reached Gold, and hold it until December 31, 2027. Thank you for being with us.\n",
        "Record Club: you are Gold now. Thank you.",
    ),
    ("tier_reached", "fr"): Texts(
        "Vous êtes désormais Gold",
        "Bonjour Ada,\n\n"
        "vous avez atteint le statut Gold, acquis jusqu’au 31 décembre 2027. Merci de votre "
        "fidélité.\n",
        "Record Club : vous êtes désormais Gold. Merci.",
    ),
    ("tier_at_risk", "en"): Texts(
        "You hold Gold until December 31, 2026",
        "Hello Ada,\n\n"
        "as it stands, after December 31, 2026 your tier will be Silver instead of Gold. There is "
        "still time to keep it.\n",
        "Record Club: you hold Gold until December 31, 2026. There is still time to keep it.",
    ),
    ("tier_at_risk", "fr"): Texts(
        "Vous êtes Gold jusqu’au 31 décembre 2026",
        "Bonjour Ada,\n\n"
        "en l’état, votre statut sera Silver au lieu de Gold après le 31 décembre 2026. Il est "
        "encore temps de le garder.\n",
        "Record Club : vous êtes Gold jusqu’au 31 décembre 2026. Il est encore temps de le garder.",
    ),
    ("reward_ready", "en"): Texts(
        "Your voucher of €5.00",
        "Hello Ada,\n\n"
        "here is your voucher of €5.00 for 100 points:\n\n"
        "    AB3D-K7PQ-2XZM\n\n"
        "Show it at the till until February 19, 2027.\n",
        "Record Club: Voucher of 5, code AB3D-K7PQ-2XZM, until February 19, 2027.",
    ),
    ("reward_ready", "fr"): Texts(
        "Votre bon de 5,00 €",
        "Bonjour Ada,\n\n"
        f"voici votre bon de 5,00{WIDE}€ pour 100 points :\n\n"
        "    AB3D-K7PQ-2XZM\n\n"
        "Présentez-le en caisse jusqu’au 19 février 2027.\n",
        "Record Club : Voucher of 5, code AB3D-K7PQ-2XZM, jusqu’au 19 février 2027.",
    ),
    ("voucher_issued", "en"): Texts(
        "A gift for you: Voucher of 5",
        "Hello Ada,\n\n"
        "you have been given Voucher of 5, worth €5.00:\n\n"
        "    AB3D-K7PQ-2XZM\n\n"
        "It can be used from December 1, 2026 to February 19, 2027.\n",
        "Record Club: a gift for you, Voucher of 5, code AB3D-K7PQ-2XZM, until February 19, 2027.",
    ),
    ("voucher_issued", "fr"): Texts(
        "Un cadeau pour vous : Voucher of 5",
        "Bonjour Ada,\n\n"
        f"vous avez reçu Voucher of 5, d’une valeur de 5,00{WIDE}€ :\n\n"
        "    AB3D-K7PQ-2XZM\n\n"
        "À utiliser à partir du 1er décembre 2026 et jusqu’au 19 février 2027.\n",
        "Record Club : un cadeau pour vous, Voucher of 5, code AB3D-K7PQ-2XZM, jusqu’au 19 février 2027.",
    ),
    ("birthday", "en"): Texts(
        "Happy birthday from Record Club",
        "Hello Ada,\n\nall of us at Record Club wish you a happy birthday.\n",
        "Record Club wishes you a happy birthday.",
    ),
    ("birthday", "fr"): Texts(
        "Joyeux anniversaire de la part de Record Club",
        "Bonjour Ada,\n\ntoute l’équipe de Record Club vous souhaite un joyeux anniversaire.\n",
        "Record Club vous souhaite un joyeux anniversaire.",
    ),
    ("referral_completed", "en"): Texts(
        "Somebody you invited has joined in",
        "Hello Ada,\n\n"
        "somebody you invited to Record Club has just taken the first step. Thank you for telling "
        "others about us.\n",
        "Record Club: somebody you invited has joined in. Thank you.",
    ),
    ("referral_completed", "fr"): Texts(
        "Votre invitation a été suivie",
        "Bonjour Ada,\n\n"
        "une personne que vous avez invitée chez Record Club vient de faire le premier pas. Merci "
        "de parler de nous autour de vous.\n",
        "Record Club : votre invitation a été suivie. Merci.",
    ),
    ("goodbye", "en"): Texts(
        "Goodbye from Record Club",
        "Hello Ada,\n\n"
        "you have left Record Club. What we knew about you has been removed, and this is our last "
        "message.\n",
        "You have left Record Club. This is our last message.",
    ),
    ("goodbye", "fr"): Texts(
        "Record Club vous dit au revoir",
        "Bonjour Ada,\n\n"
        "vous avez quitté le programme Record Club. Vos données personnelles ont été effacées, et "
        "ceci est notre dernier message.\n",
        "Vous avez quitté Record Club. Ceci est notre dernier message.",
    ),
}


def texts(message: str, locale: str, **facts: object) -> Texts:
    """The words that come with it, with the example's facts or others."""
    said = {**examples(BY_ID[message])[0], **facts}
    subject, body = write(words(PROGRAM, message, locale), locale, said)
    return Texts(subject, body, write_sms(words(PROGRAM, message, locale, sms=True), locale, said))


def html(body: str, **facts: object) -> str:
    return write_html(HEAD + body, "en", {**FACTS, **facts})


def plain(body: str, locale: str = "en", **facts: object) -> str:
    return write(HEAD + body, locale, {**FACTS, **facts})[1]


def wrong(template: str, **facts: object) -> str:
    """Why words are none."""
    with pytest.raises(WordsError) as refused:
        write(template, "en", {**FACTS, **facts})
    return str(refused.value)


# --- the words that come with it -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("message", "locale"), TEXTS, ids="-".join)
def test_a_message_reads_as_it_should(message: str, locale: str) -> None:
    assert texts(message, locale) == TEXTS[message, locale]


def test_every_message_is_written_in_every_language_and_for_every_channel() -> None:
    assert {(kind.id, locale) for kind in KINDS for locale in ("en", "fr")} == set(TEXTS)


@pytest.mark.parametrize("message", BY_ID)
@pytest.mark.parametrize(("locale", "greeting"), [("en", "Hello,"), ("fr", "Bonjour,")])
def test_a_member_without_a_name_is_greeted_without_one(message: str, locale: str, greeting: str) -> None:
    body = texts(message, locale, given_name=None).body
    assert body.splitlines()[0] == greeting


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.bare], ids=lambda kind: kind.id)
@pytest.mark.parametrize("locale", ["en", "fr"])
def test_a_fact_that_may_be_missing_leaves_no_gap(kind: Any, locale: str) -> None:
    message = texts(kind.id, locale, **dict.fromkeys(kind.bare))
    for text in message:
        assert "None" not in text
        assert "  " not in text.replace("\n    ", "")
        assert "\n\n\n" not in text


@pytest.mark.parametrize(
    ("facts", "sentences"),
    [
        ({}, ["here is your voucher of €5.00 for 100 points:", "    AB3D-K7PQ-2XZM"]),
        ({"points": None}, ["here is your voucher of €5.00:"]),
        ({"points": 1}, ["here is your voucher of €5.00 for 1 point:"]),
        ({"value": (0, "EUR")}, ["thank you: 100 points for this reward: Voucher of 5.", "    AB3D-K7PQ-2XZM"]),
        (
            {"code": None, "handed_over": True},
            ["thank you: 100 points for this reward: Voucher of 5, €5.00.", "We will hand it over to you soon."],
        ),
        ({"code": None, "points": None}, ["here is your reward: Voucher of 5, €5.00."]),
    ],
)
def test_a_reward_is_told_by_how_it_comes(facts: Mapping[str, object], sentences: list[str]) -> None:
    body = texts("reward_ready", "en", **facts).body
    assert [sentence for sentence in sentences if sentence not in body.splitlines()] == []


def test_a_reward_that_was_handed_over_is_not_promised_again() -> None:
    assert "soon" not in texts("reward_ready", "en", code=None, handed_over=False).body


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"valid_until": None}, "It can be used from December 1, 2026."),
        ({"valid_from": None}, "It can be used until February 19, 2027."),
    ],
)
def test_a_gift_says_from_when_and_until_when_it_can_be_used(facts: Mapping[str, object], sentence: str) -> None:
    assert sentence in texts("voucher_issued", "en", **facts).body.splitlines()


@pytest.mark.parametrize(
    ("locale", "points", "subject", "sentence"),
    [
        ("en", 1, "1 point for you", "you earned 1 point. Your balance is 1."),
        ("en", 2, "2 points for you", "you earned 2 points. Your balance is 2."),
        ("fr", 1, "1 point pour vous", "vous avez gagné 1 point. Votre solde est de 1."),
        ("fr", 2, "2 points pour vous", "vous avez gagné 2 points. Votre solde est de 2."),
    ],
)
def test_one_point_is_no_points(locale: str, points: int, subject: str, sentence: str) -> None:
    message = texts("points_earned", locale, points=points, balance=points)
    assert (message.subject, sentence in message.body) == (subject, True)


# --- whose words, and in which language ----------------------------------------------------------------------------


def test_in_plain_text_a_link_is_its_words_and_its_address_and_bold_is_as_all_else() -> None:
    words_ = "**{{ program }}**: [see](https://example.com/{{ code }}) **now**"
    assert plain(words_, program="A ** B", code="X-1") == "A ** B: see: https://example.com/X-1 now\n"


def with_own(**own: OwnMessage) -> Any:
    return replace(PROGRAM, messages=Messages(own=own))


def test_the_words_of_the_programme_go_before_those_that_come_with_it() -> None:
    own = with_own(welcome=OwnMessage(words={"en": "A", "fr": "B"}, sms={"en": "C", "fr": "D"}))
    assert [words(own, "welcome", locale) for locale in ("en", "fr", "de")] == ["A", "B", "A"]
    assert [words(own, "welcome", locale, sms=True) for locale in ("en", "fr-CA")] == ["C", "D"]


def test_a_message_without_words_of_the_programme_has_those_that_come_with_it() -> None:
    own = with_own(welcome=OwnMessage(channels=("email",)), birthday=OwnMessage(words={"en": "A", "fr": "B"}))
    assert words(own, "welcome", "en") == words(PROGRAM, "welcome", "en")
    assert words(own, "birthday", "en", sms=True) == words(PROGRAM, "birthday", "en", sms=True)
    assert words(own, "goodbye", "en") == words(PROGRAM, "goodbye", "en")


@pytest.mark.parametrize(
    ("locale", "expected"),
    [("en", "en"), ("en-GB", "en"), ("fr", "fr"), ("fr-CA", "fr"), ("de", "en"), ("de-CH", "en"), ("xx", "en")],
)
def test_who_reads_none_of_our_languages_reads_the_first(locale: str, expected: str) -> None:
    assert language(locale) == expected


@pytest.mark.parametrize(
    ("locale", "number", "amount", "day"),
    [
        ("en", "1,250", "€5.00", "January 31, 2027"),
        ("en-GB", "1,250", "€5.00", "31 January 2027"),
        ("fr", f"1{NARROW}250", f"5,00{WIDE}€", "31 janvier 2027"),
        ("fr-CA", f"1{WIDE}250", f"5,00{WIDE}€", "31 janvier 2027"),
        ("fr-CH", f"1{NARROW}250", f"5,00{WIDE}€", "31 janvier 2027"),
        ("de", "1,250", "€5.00", "January 31, 2027"),
        ("fr-ZZ", f"1{NARROW}250", f"5,00{WIDE}€", "31 janvier 2027"),
        ("en_GB", "1,250", "€5.00", "January 31, 2027"),
        ("fr-", f"1{NARROW}250", f"5,00{WIDE}€", "31 janvier 2027"),
    ],
)
def test_numbers_amounts_and_days_are_those_of_the_country_where_it_is_known(
    locale: str, number: str, amount: str, day: str
) -> None:
    said = write_sms("{{ n | number }};{{ v | money }};{{ d | day }}", locale, a_number_an_amount_and_a_day())
    assert said.split(";") == [part.replace(NARROW, " ").replace(WIDE, " ") for part in (number, amount, day)]
    body = plain("{{ n | number }};{{ v | money }};{{ d | day }}", locale, **a_number_an_amount_and_a_day())
    assert body == f"{number};{amount};{day}\n"


def a_number_an_amount_and_a_day() -> dict[str, Any]:
    return {"n": 1250, "v": (500, "EUR"), "d": "2027-01-31"}


@pytest.mark.parametrize(
    ("minor", "currency", "english", "french"),
    [
        (500, "EUR", "€5.00", f"5,00{WIDE}€"),
        (500, "USD", "$5.00", f"5,00{WIDE}$US"),
        (500, "JPY", "¥500", f"500{WIDE}JPY"),
        (5, "BHD", "BHD0.005", f"0,005{WIDE}BHD"),
        (0, "USD", "$0.00", f"0,00{WIDE}$US"),
        (123456789, "EUR", "€1,234,567.89", f"1{NARROW}234{NARROW}567,89{WIDE}€"),
    ],
)
def test_money_is_written_as_people_write_it(minor: int, currency: str, english: str, french: str) -> None:
    assert [money(minor, currency, Locale(locale)) for locale in ("en", "fr")] == [english, french]


# --- facts are text and nothing else -------------------------------------------------------------------------------


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "**bold** _it_ ~~gone~~ `code`",
    "[click](https://evil.example)",
    "![](https://evil.example/pixel)",
    "<https://evil.example>",
    "&amp; &lt; &#60;",
    "\\* \\[ \\\\",
    "# heading",
    "1. first",
    "1) first",
    "- item",
    "+ item",
    "===",
    "---",
    "> quote",
    "| a | b |",
    "{{ program }}",
    "{% if program %}",
    "שלום \u202eevil",
    "🎷🎺 🧑\u200d🎤",
    "a" * 10_000,
]


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: name[:12])
def test_a_name_is_a_name_in_html_whatever_it_looks_like(name: str) -> None:
    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert html("{{ given_name }}\n", given_name=name) == f"<p>{escaped}</p>\n"
    assert html("A\n{{ given_name }}\n", given_name=name) == f"<p>A\n{escaped}</p>\n"


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: name[:12])
def test_a_name_is_a_name_in_plain_text(name: str) -> None:
    assert plain("Hello {{ given_name }},\n", given_name=name) == f"Hello {name},\n"


@pytest.mark.parametrize("code", ["AB3D-K7PQ", "A_B*C*", "-A", "1.A", "<b>", "\\*"])
def test_a_code_that_stands_by_itself_is_shown_as_it_is(code: str) -> None:
    escaped = code.replace("<", "&lt;").replace(">", "&gt;")
    assert html("    {{ code }}\n", code=code) == f"<pre><code>{escaped}\n</code></pre>\n"
    assert html("`{{ code }}`\n", code=code) == f"<p><code>{escaped}</code></p>\n"


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\n\n    "])
def test_a_fact_is_one_line(line_break: str) -> None:
    name = f"Ada{line_break}- item"
    assert html("Hello {{ given_name }}\n", given_name=name) == "<p>Hello Ada - item</p>\n"
    assert plain("Hello {{ given_name }}\n", given_name=name) == "Hello Ada - item\n"


def test_what_the_words_say_in_markdown_is_made_html() -> None:
    assert html("**{{ program }}**\n\n- one\n- two\n\n[here](https://example.com/{{ code }})", code="A-B") == (
        "<p><strong>Record Club</strong></p>\n<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n"
        '<p><a href="https://example.com/A-B">here</a></p>\n'
    )


def test_words_bring_no_html_and_no_script_of_their_own() -> None:
    assert html("<b>x</b> [y](javascript:alert(1))") == "<p>&lt;b&gt;x&lt;/b&gt; [y](javascript:alert(1))</p>\n"


# --- one line, and not too long ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["A\r\nBcc: x@example.com", "A\nBcc: x", "A\rBcc: x", "A\u2028B", "A\x85B", "A\x0bB"])
def test_a_subject_is_one_line_whatever_a_fact_says(name: str) -> None:
    subject, body = write("Hello {{ given_name }}\n\nBody\n", "en", {**FACTS, "given_name": name})
    assert len(subject.splitlines()) == 1
    assert body == "Body\n"


@pytest.mark.parametrize(
    ("length", "kept"), [(LONGEST_SUBJECT, LONGEST_SUBJECT), (LONGEST_SUBJECT + 1, LONGEST_SUBJECT)]
)
def test_a_subject_that_is_too_long_is_cut(length: int, kept: int) -> None:
    subject, _ = write("{{ given_name }}\n\nBody\n", "en", {**FACTS, "given_name": "x" * length})
    assert (len(subject), subject.endswith("…")) == (kept, length > kept)


@pytest.mark.parametrize(("length", "kept"), [(LONGEST_SMS, LONGEST_SMS), (LONGEST_SMS + 1, LONGEST_SMS)])
def test_a_text_message_that_is_too_long_is_cut(length: int, kept: int) -> None:
    text = write_sms("{{ given_name }}", "en", {**FACTS, "given_name": "x" * length})
    assert (len(text), text.endswith("…")) == (kept, length > kept)


def test_a_text_message_is_one_line() -> None:
    assert write_sms(" {{ given_name }}\n\n  hello ", "en", {**FACTS, "given_name": "A\nB"}) == "A B hello"


def test_a_text_message_that_says_nothing_is_none() -> None:
    with pytest.raises(WordsError, match=r"A text message says something\."):
        write_sms("{% if given_name %}Hello{% endif %}", "en", {**FACTS, "given_name": None})


@pytest.mark.parametrize(
    "template", ["", "\n\n", "Subject", "Subject\n\n  \n", "{% if not program %}x{% endif %}\n\nBody"]
)
def test_words_without_a_subject_or_a_body_are_none(template: str) -> None:
    said = wrong(template)
    assert said == "Words are a subject, an empty line, and a body."


def test_a_body_that_is_too_long_is_no_message() -> None:
    assert plain("x" * (LONGEST_TEXT - 1))
    assert wrong(HEAD + "{{ given_name }}", given_name="x" * (LONGEST_TEXT + 1)) == (
        f"The body is longer than {LONGEST_TEXT} characters."
    )


def test_what_is_left_out_leaves_one_empty_line_only() -> None:
    assert plain("a\n\n{% if not program %}x{% endif %}\n\n\nb") == "a\n\nb\n"


# --- words that cannot be ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words_", "problem"),
    [
        ("{{ progam }}", "'progam' is undefined"),
        ("{{ program.foo }}", "'str object' has no attribute 'foo'"),
        ("{% if program %}", "line 3 of the words: Unexpected end of template."),
        ("{{ program", "line 3 of the words: unexpected end of template"),
        ("\n{{ program | upper }}", "line 4 of the words: No filter named 'upper'."),
        ("{{ program | day }}", "A fact is used as something that it is not: Invalid isoformat string"),
        ("{{ program | number }}", "A fact is used as something that it is not: "),
        ("{{ program | money }}", "A fact is used as something that it is not: "),
        ("{{ nothing | day }}", "A fact is used as something that it is not: "),
        ("{{ program < 5 }}", "A fact is used as something that it is not: '<' not supported"),
        ("{{ '' .__class__ }}", "Words may name facts, and nothing behind them."),
        ("{{ program.__class__.__mro__ }}", "Words may name facts, and nothing behind them."),
        ("{{ program['__class__']['__mro__'] }}", "Words may name facts, and nothing behind them."),
        ("{{ program | attr('__class__') }}", "line 3 of the words: No filter named 'attr'."),
        ("{{ 'a' * 10**10 }}", "line 3 of the words: There is no mul in words."),
        ("{{ 10**10**10 }}", "line 3 of the words: There is no pow in words."),
        ("{{ 'a'.ljust(9999999999) }}", "line 3 of the words: There is no call in words."),
        ("{{ '{:>9999999999}'.format(1) }}", "line 3 of the words: There is no call in words."),
        ("{{ '%9999999999d' % 1 }}", "line 3 of the words: There is no mod in words."),
        ("{{ program() }}", "line 3 of the words: There is no call in words."),
        ("{{ range(10) }}", "line 3 of the words: There is no call in words."),
        ("{{ program ~ program }}", "line 3 of the words: There is no concat in words."),
        ("{{ program + program }}", "line 3 of the words: There is no add in words."),
        ("{% set a = 'a' %}", "line 3 of the words: There is no assign in words."),
        ("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "line 3 of the words: There is no macro in words."),
        ("{% include 'x' %}", "line 3 of the words: There is no include in words."),
        ("{% extends 'x' %}", "line 3 of the words: There is no extends in words."),
        ("{% import 'x' as y %}", "line 3 of the words: There is no import in words."),
        ("{% block x %}{% endblock %}", "line 3 of the words: There is no block in words."),
        ("{% for a in 'aaaa' %}x{% endfor %}", "line 3 of the words: A loop is over a fact, and not in another loop."),
        (
            "{% for a in program %}{% for b in program %}x{% endfor %}{% endfor %}",
            "line 3 of the words: A loop is over a fact, and not in another loop.",
        ),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "The words are nested too deeply."),
        ("{% if program %}" * 120 + "{% endif %}" * 120, "The words are nested too deeply."),
    ],
    ids=lambda text: text[:30],
)
def test_words_that_cannot_be_filled_say_why(words_: str, problem: str) -> None:
    assert wrong(HEAD + words_, nothing=None).startswith(problem)


@pytest.mark.parametrize(
    ("words_", "read"),
    [
        ("{% for a in reasons %}{{ loop.index }}{{ a.text }};{% endfor %}", "1one;2two;"),
        ("{% for a in data.reasons %}{{ a.text }};{% endfor %}", "one;two;"),
        ("{{ 'yes' if program and not nothing else 'no' }}", "yes"),
        ("{{ reasons[0].text }}{{ reasons[0]['text'] }}", "oneone"),
        ("{% if points > 5 or points == 0 %}many{% elif points is defined %}few{% endif %}", "many"),
        ("x{{ nothing }}y", "xy"),
    ],
)
def test_words_may_choose_and_list(words_: str, read: str) -> None:
    reasons = [{"text": "one"}, {"text": "two"}]
    facts: dict[str, Any] = {"reasons": reasons, "data": {"reasons": reasons}, "nothing": None, "points": 7}
    assert plain(words_, **facts) == f"{read}\n"


# --- around the words ----------------------------------------------------------------------------------------------


LEAVE = "https://api.example.com/v1/unsubscribe/x?a=1&b=2"


def branded(**brand: str) -> Any:
    named = replace(PROGRAM, name={"en": "Rock & <Roll>", "fr": "Le Rock"})
    return replace(named, messages=Messages(brand=Brand(**brand)))


def test_a_mail_shows_the_brand() -> None:
    brand = branded(
        color="#ffcc00", logo="https://a.example/l.png", website="https://a.example/", address="1 Rue <X>, Lyon"
    )
    shown = page(brand, "fr-CA", "Un <sujet>", "<p>Corps</p>", LEAVE)
    for part in (
        '<html lang="fr" dir="auto">',
        "background: #ffcc00; color: #000000",
        '<img src="https://a.example/l.png" alt="Le Rock">',
        '<a href="https://a.example/">Le Rock</a>',
        "<br>1 Rue &lt;X&gt;, Lyon",
        "<title>Un &lt;sujet&gt;</title>",
        "<h1>Un &lt;sujet&gt;</h1>",
        "<p>Corps</p>",
        'href="https://api.example.com/v1/unsubscribe/x?a=1&amp;b=2">Ne plus recevoir ces messages</a>',
    ):
        assert part in shown


def test_a_mail_without_a_brand_has_the_name_of_the_programme_and_no_gap() -> None:
    shown = page(branded(), "de", "Subject", "<p>Body</p>", None)
    assert '<html lang="en" dir="auto">' in shown
    assert '<td class="head">Rock &amp; &lt;Roll&gt;</td>' in shown
    assert "<img" not in shown
    assert "unsubscribe" not in shown
    assert "None" not in shown


def test_below_a_mail_in_plain_text_stands_who_sends_it_and_how_to_get_no_more() -> None:
    brand = branded(website="https://a.example/", address="1 Rue X, Lyon")
    assert footer(brand, "en", LEAVE) == (
        f"\n-- \nRock & <Roll>\n1 Rue X, Lyon\nhttps://a.example/\nNo more mails like this: {LEAVE}\n"
    )
    assert footer(branded(), "fr", None) == "\n-- \nLe Rock\n"
