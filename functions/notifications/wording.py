"""A message in the words of the programme, or, should those fail after all, in those that come with it.

That they failed is logged, and not how: it may quote a name or a code.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from functions.program.messages.writing import Message, WordsError, words, write, write_html, write_sms
from functions.program.model import Messages, Program
from functions.runtime.observability import logger


def worded(program: Program, kind: str, locale: str, facts: Mapping[str, Any]) -> Message:
    """Subject, body and HTML."""
    try:
        return _written(words(program, kind, locale), locale, facts)
    except WordsError:
        logger.error("words_failed", template=kind)
        return _written(words(_without_own(program), kind, locale), locale, facts)


def worded_sms(program: Program, kind: str, locale: str, facts: Mapping[str, Any]) -> str:
    """A text message."""
    try:
        return write_sms(words(program, kind, locale, sms=True), locale, facts)
    except WordsError:
        logger.error("words_failed", template=kind)
        return write_sms(words(_without_own(program), kind, locale, sms=True), locale, facts)


def _without_own(program: Program) -> Program:
    return replace(program, messages=Messages())


def _written(template: str, locale: str, facts: Mapping[str, Any]) -> Message:
    subject, body = write(template, locale, facts)
    return Message(subject, body, write_html(template, locale, facts))
