"""Words of a programme are tried when it is published: a mistake is found by who made it, and not by a member."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.functional.conftest import Json, Service
from tests.functional.factories import enrol
from tests.functional.people import leave

SHOP = (Path(__file__).parent.parent.parent / "programs" / "record-shop.yaml").read_text()
LINES = len(SHOP.splitlines())


def published(service: Service, template: str, message: str = "welcome") -> Any:
    """The answer to a file in which a message has these words in English, on its fifth line more."""
    words = json.dumps({"en": template, "fr": "A\n\nB"})
    text = f"{SHOP}\nmessages:\n  each:\n    {message}:\n      words: {words}\n"
    return service.call("POST", "/v1/program/versions", {"text": text})


def problem_of(service: Service, template: str) -> Json:
    with service.unchanged():
        answer = published(service, template)
    assert answer.status == 422, answer.body
    [error] = answer.body["errors"]
    found: Json = error
    return found


@pytest.mark.parametrize(
    ("template", "detail"),
    [
        ("Hi {{ pionts }}\n\nx", "'pionts' is undefined. Here there are: given_name, program"),
        ("S\n\n{{ given_name", "line 3 of the words: unexpected end of template"),
        ("only a subject", "Words are a subject, an empty line, and a body."),
        ("S\n\n{{ 'a' * 10**10 }}", "line 3 of the words: There is no mul in words."),
        ("S\n\n{{ ''.__class__.__mro__ }}", "Words may name facts, and nothing behind them."),
        ("S\n\n{{ 'a'.ljust(9999999999) }}", "line 3 of the words: There is no call in words."),
        ("S\n\n{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "line 3 of the words: There is no macro in words."),
        ("S\n\n" + "{% if program %}" * 120 + "{% endif %}" * 120, "The words are nested too deeply."),
        ("S\n\n{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "The words are nested too deeply."),
    ],
    ids=["fact", "syntax", "body", "billion", "behind", "giant", "endless", "deep", "parentheses"],
)
def test_words_that_cannot_be_are_refused_with_where_they_are(service: Service, template: str, detail: str) -> None:
    error = problem_of(service, template)
    assert (error["pointer"], error["code"]) == ("/messages/each/welcome/words/en", "words")
    assert error["detail"].startswith(f"line {LINES + 5}: {detail}")


def test_words_in_one_language_are_refused_with_the_one_that_is_missing(service: Service) -> None:
    text = f"{SHOP}\nmessages:\n  each:\n    welcome:\n      sms: {{en: Hello}}\n"
    answer = service.call("POST", "/v1/program/versions", {"text": text})
    assert answer.status == 422
    assert [(one["pointer"], one["detail"].partition(": ")[2]) for one in answer.body["errors"]] == [
        ("/messages/each/welcome", "sms are missing in fr")
    ]


def test_good_words_are_published(service: Service) -> None:
    assert published(service, "Hi {{ given_name }}\n\nYou are in **{{ program }}**.").status == 201


def test_the_last_mail_may_have_words_of_its_own(service: Service) -> None:
    version = published(service, "So long, {{ given_name }}\n\nBye.", "goodbye").body["version"]
    service.call("POST", f"/v1/program/versions/{version}/activate")
    member = enrol(service, email="ada@example.com", given_name="Ada")
    service.notify()
    leave(service, member)
    service.wake()
    assert service.mails()[-1].subject == "So long, Ada"
