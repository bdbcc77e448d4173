"""Mails: the whole text, in every language, as a member reads it."""

import pytest
from functions.notifications.mail import MESSAGES, Mail, money, write
from jinja2 import TemplateNotFound, UndefinedError

NARROW = "\N{NARROW NO-BREAK SPACE}"
WIDE = "\N{NO-BREAK SPACE}"

MEMBER: dict[str, object] = {"program": "Record Club", "given_name": "Ada"}
EARNED: dict[str, object] = {
    **MEMBER,
    "points": 1250,
    "balance": 12500,
    "reasons": [{"text": "Every dollar", "points": 1200}, {"text": "Big basket", "points": 50}],
}
REDEEMED: dict[str, object] = {
    **MEMBER,
    "points": 1000,
    "value": (50000, "USD"),
    "valid_until": "2027-02-19",
    "code": "0123-4567-89AB-CDEF",
}
FACTS: dict[str, dict[str, object]] = {"welcome": MEMBER, "points_earned": EARNED, "reward_redeemed": REDEEMED}

MAILS = {
    ("welcome", "en"): Mail(
        "Welcome to Record Club",
        "Hello Ada,\n\nyou are now a member of Record Club. Every purchase counts from today.\n",
    ),
    ("welcome", "fr"): Mail(
        "Bienvenue chez Record Club",
        "Bonjour Ada,\n\n"
        "vous êtes désormais membre du programme « Record Club ». "
        "Chaque achat compte dès aujourd\N{RIGHT SINGLE QUOTATION MARK}hui.\n",
    ),
    ("points_earned", "en"): Mail(
        "1,250 points for you",
        "Hello Ada,\n\n"
        "you earned 1,250 points. Your balance is 12,500.\n\n"
        "- Every dollar: 1,200\n"
        "- Big basket: 50\n\n"
        "Record Club\n",
    ),
    ("points_earned", "fr"): Mail(
        "1 250 points pour vous",
        "Bonjour Ada,\n\n"
        f"vous avez gagné 1{NARROW}250 points. Votre solde est de 12{NARROW}500.\n\n"
        f"- Every dollar : 1{NARROW}200\n"
        "- Big basket : 50\n\n"
        "Record Club\n",
    ),
    ("reward_redeemed", "en"): Mail(
        "Your voucher of $500.00",
        "Hello Ada,\n\n"
        "here is your voucher of $500.00 for 1,000 points:\n\n"
        "    0123-4567-89AB-CDEF\n\n"
        "Show it at the till until February 19, 2027.\n\n"
        "Record Club\n",
    ),
    ("reward_redeemed", "fr"): Mail(
        "Votre bon de 500,00 $US",
        "Bonjour Ada,\n\n"
        f"voici votre bon de 500,00{WIDE}$US pour 1{NARROW}000 points :\n\n"
        "    0123-4567-89AB-CDEF\n\n"
        "Présentez-le en caisse jusqu\N{RIGHT SINGLE QUOTATION MARK}au 19 février 2027.\n\n"
        "Record Club\n",
    ),
}

FACTS |= {
    "points_expiring": MEMBER | {"points": 1000, "expires_on": "2027-01-31"},
    "tier_at_risk": MEMBER | {"tier": "Gold", "then": "Silver", "held_until": "2027-12-31"},
}
QUOTE = "\N{RIGHT SINGLE QUOTATION MARK}"
MAILS |= {
    ("points_expiring", "en"): Mail(
        "1,000 points to use by January 31, 2027",
        "Hello Ada,\n\n"
        "1,000 of your points can be used until January 31, 2027. After that day they are gone.\n\n"
        "Record Club\n",
    ),
    ("points_expiring", "fr"): Mail(
        "1 000 points à utiliser avant le 31 janvier 2027",
        "Bonjour Ada,\n\n"
        f"1{NARROW}000 de vos points peuvent être utilisés jusqu{QUOTE}au 31 janvier 2027 inclus. "
        "Ensuite, ils seront perdus.\n\n"
        "Record Club\n",
    ),
    ("tier_at_risk", "en"): Mail(
        "You hold Gold until December 31, 2027",
        "Hello Ada,\n\n"
        "as it stands, after December 31, 2027 your tier will be Silver instead of Gold. "
        "There is still time to keep it.\n\n"
        "Record Club\n",
    ),
    ("tier_at_risk", "fr"): Mail(
        f"Vous êtes Gold jusqu{QUOTE}au 31 décembre 2027",
        "Bonjour Ada,\n\n"
        f"en l{QUOTE}état, votre statut sera Silver au lieu de Gold après le 31 décembre 2027. "
        "Il est encore temps de le garder.\n\n"
        "Record Club\n",
    ),
}


@pytest.mark.parametrize(("message", "locale"), MAILS, ids="-".join)
def test_a_mail_reads_as_it_should(message: str, locale: str) -> None:
    assert write(message, locale, FACTS[message]) == MAILS[message, locale]


def test_every_message_that_an_event_becomes_is_written_in_both_languages() -> None:
    assert set(MESSAGES) == {"MemberEnrolled", "PointsEarned", "RewardRedeemed", "PointsExpiring", "TierAtRisk"}
    assert {(message, locale) for message in MESSAGES.values() for locale in ("en", "fr")} == set(MAILS)


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
    mail = write("points_earned", locale, EARNED | {"points": points, "balance": points})
    assert mail.subject == subject
    assert sentence in mail.body


@pytest.mark.parametrize(("locale", "greeting"), [("en", "Hello,"), ("fr", "Bonjour,")])
@pytest.mark.parametrize("message", FACTS)
def test_a_member_without_a_name_is_greeted_without_one(message: str, locale: str, greeting: str) -> None:
    mail = write(message, locale, FACTS[message] | {"given_name": None})
    assert mail.body.splitlines()[0] == greeting


def test_a_missing_fact_is_an_error_and_no_gap_in_a_mail() -> None:
    with pytest.raises(UndefinedError, match="'program' is undefined"):
        write("welcome", "en", {"given_name": "Ada"})


def test_a_name_that_looks_like_a_template_stays_a_name() -> None:
    assert write("welcome", "en", MEMBER | {"given_name": "{{ program }} <b>"}).body.startswith(
        "Hello {{ program }} <b>,\n"
    )


def test_a_language_without_templates_is_an_error() -> None:
    with pytest.raises(TemplateNotFound):
        write("welcome", "de", MEMBER)


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
    assert (money(minor, currency, "en"), money(minor, currency, "fr")) == (english, french)
