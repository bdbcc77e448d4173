"""Whether the words that a programme has of its own can be made into messages: found when the file is checked, not by a
member. Pure."""

from collections.abc import Iterator

from functions.program.messages.catalogue import BY_ID, examples
from functions.program.messages.grammar import MessagesIn
from functions.program.messages.writing import WordsError, write, write_html, write_sms

Mistake = tuple[tuple[int | str, ...], str, str]


def wrong_words(messages: MessagesIn) -> Iterator[Mistake]:
    """Words that name what is not there, or that are no template: each is filled with examples."""
    for message, own in messages.each.items():
        for locale, template in (own.words or {}).items():
            if problem := _problem(message, locale, template, sms=False):
                yield ("messages", "each", message, "words", locale), "words", problem
        for locale, template in (own.sms or {}).items():
            if problem := _problem(message, locale, template, sms=True):
                yield ("messages", "each", message, "sms", locale), "words", problem


def _problem(message: str, locale: str, template: str, *, sms: bool) -> str | None:
    kind = BY_ID[message]
    known = ", ".join(sorted(examples(kind)[0]))
    for facts in examples(kind):
        try:
            if sms:
                write_sms(template, locale, facts)
            else:
                write(template, locale, facts)
                write_html(template, locale, facts)
        except WordsError as error:
            return f"{str(error).rstrip('.')}. Here there are: {known}"
    return None
