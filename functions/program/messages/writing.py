"""The words of messages: Markdown with facts in it, in every language, for every channel. Pure.

Words are a subject, an empty line, and a body in Markdown (`templates/<message>.<language>.md`, or those that the
programme has of its own); a text message is one line (`.sms`). A mail has the body as plain text and as HTML, the inbox
as plain text. Facts are text and nothing else: in HTML they are escaped, what looks like Markdown in a name is none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_precision
from jinja2 import Environment, StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markdown_it import MarkdownIt

from functions.program.messages.catalogue import LOCALES
from functions.program.model import Program

_TEMPLATES = Path(__file__).parent / "templates"
LONGEST_SUBJECT = 150
LONGEST_TEXT = 20_000
"""Characters of a body with its facts in it: more is no message."""
LONGEST_SMS = 459
"""Three parts of a text message in the letters of GSM 03.38; with any other letter it is seven."""


class WordsError(Exception):
    """Words that cannot be made into a message; the message of it says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is read. `body` is plain text."""

    subject: str
    body: str
    html: str


def language(locale: str) -> str:
    """The one of our languages that a member reads, or the first."""
    return locale[:2] if locale[:2] in LOCALES else LOCALES[0]


def words(program: Program, message: str, locale: str, *, sms: bool = False) -> str:
    """The template of a message: the programme's own, or the one that comes with it."""
    own = program.messages.own.get(message)
    found = (own.sms if sms else own.words).get(language(locale)) if own else None
    return found or _shipped(f"{message}.{language(locale)}.{'sms' if sms else 'md'}")


@cache
def _shipped(name: str) -> str:
    return (_TEMPLATES / name).read_text()


def write(template: str, locale: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and body as plain text: a link is its words and its address, what is bold is as all else. Raises
    WordsError."""
    # Of the words only: ** between facts is arithmetic, and refused as such.
    unbold = re.sub(r"\*\*(?![^{]*}})", "", template)
    bare = re.sub(r"\[([^\]]+)\]\(((?:[^)\s{]|{{[^}]*}})+)\)", r"\1: \2", unbold)
    return _parts(_filled(_plain(locale), bare, facts))


def write_sms(template: str, locale: str, facts: Mapping[str, Any]) -> str:
    """A text message: one line, not longer than may be. Raises WordsError."""
    text = " ".join(_filled(_plain(locale), template, facts).split())
    if not text:
        raise WordsError("A text message says something.")
    return _short(text, LONGEST_SMS)


def write_html(template: str, locale: str, facts: Mapping[str, Any]) -> str:
    """The body as HTML, without the page around it. Raises WordsError."""
    _, body = _parts(_filled(_marked(locale), template, facts))
    tokens = _markdown().parse(body)
    for token in [*tokens, *(child for block in tokens for child in block.children or ())]:
        if token.type in {"code_block", "code_inline", "fence"}:
            token.content = re.sub(rf"\\({_MARKS}|[-+=.)])", r"\1", token.content)  # there, nothing is Markdown anyway
    return str(_markdown().renderer.render(tokens, _markdown().options, {}))


def page(program: Program, locale: str, subject: str, html: str, unsubscribe: str | None) -> str:
    """A whole mail: the body of `write_html` in the colours of the brand, readable on any screen."""
    brand, text = program.messages.brand, language(locale)
    filled: str = _page().render(
        subject=subject,
        content=html,
        program=program.name[text],
        brand=brand,
        language=text,
        unsubscribe=unsubscribe,
    )
    return filled


def footer(program: Program, locale: str, unsubscribe: str | None) -> str:
    """What stands below a mail in plain text."""
    text = language(locale)
    lines = [program.name[text], program.messages.brand.address, program.messages.brand.website]
    lines += [f"{_UNSUBSCRIBE[text]}: {unsubscribe}"] if unsubscribe else []
    return "\n-- \n" + "".join(f"{line}\n" for line in lines if line)


_UNSUBSCRIBE = {"en": "No more mails like this", "fr": "Ne plus recevoir ces messages"}


def _parts(text: str) -> tuple[str, str]:
    subject, _, body = text.strip().partition("\n")
    if not subject.strip() or not body.strip():
        raise WordsError("Words are a subject, an empty line, and a body.")
    if len(body) > LONGEST_TEXT:
        raise WordsError(f"The body is longer than {LONGEST_TEXT} characters.")
    # A line break in a subject would begin another header.
    subject = _short(" ".join(subject.split()), LONGEST_SUBJECT)
    # Not of the spaces of its first line: four of them mean something.
    body = re.sub(r"\A(\s*\n)+", "", body).rstrip()
    return subject, re.sub(r"\n{3,}", "\n\n", body) + "\n"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _filled(environment: Environment, template: str, facts: Mapping[str, Any]) -> str:
    try:
        return environment.from_string(_parsed(environment, template)).render(**facts)
    except SecurityError:
        raise WordsError("Words may name facts, and nothing behind them.") from None
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise WordsError(f"{f'line {line} of the words: ' if line else ''}{error.message or 'no template'}") from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise WordsError(f"A fact is used as something that it is not: {error}") from None
    except (RecursionError, SyntaxError):  # the parser's, and that of Python, which a template becomes
        raise WordsError("The words are nested too deeply.") from None


_SIMPLE: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Filter,
    nodes.If,
    nodes.For,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Test,
)
"""What words are made of. No call, no variable, no text put together: none of it could be kept from taking for ever, or
all memory. Loops are over a fact, and not in one another."""


def _parsed(environment: Environment, template: str) -> nodes.Template:
    """The template, if it is small enough in what it can do that every text comes to an end."""
    parsed = environment.parse(template)
    for node in parsed.find_all(nodes.Node):
        if not isinstance(node, _SIMPLE):
            raise TemplateSyntaxError(f"There is no {type(node).__name__.lower()} in words.", node.lineno)
    for loop in parsed.find_all(nodes.For):
        if not isinstance(loop.iter, nodes.Name | nodes.Getattr) or any(loop.find_all(nodes.For)):
            raise TemplateSyntaxError("A loop is over a fact, and not in another loop.", loop.lineno)
    return parsed


@cache
def _plain(locale: str) -> Environment:
    return _environment(locale, marked=False)


@cache
def _marked(locale: str) -> Environment:
    return _environment(locale, marked=True)


def _environment(locale: str, *, marked: bool) -> Environment:
    """Sandboxed, and strict: a name that is missing is an error here and not a gap in a member's mail."""
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # plain text; of Markdown the renderer makes safe HTML
        keep_trailing_newline=True,
        finalize=_escaped if marked else _said,
    )
    known = _known(locale)
    environment.filters = {
        "number": lambda value: format_decimal(value, locale=known),
        "money": lambda pair: money(pair[0], pair[1], known),
        "day": lambda iso: _day(date.fromisoformat(iso), known),
        "plural": lambda value, one, other: one if known.plural_form(value) == "one" else other,
    }
    environment.globals = {}
    return environment


def _day(day: date, locale: Locale) -> str:
    """January 31, 2027; in French the first of a month is its *premier*."""
    text = str(format_date(day, "long", locale=locale))
    return text.replace("1 ", "1er ", 1) if locale.language == "fr" and day.day == 1 else text


def _known(locale: str) -> Locale:
    """Numbers and days as in the member's country, where it is known; else as in the language."""
    try:
        return Locale.parse(locale, sep="-") if locale[:2] in LOCALES else Locale(LOCALES[0])
    except (UnknownLocaleError, ValueError):
        return Locale(language(locale))


def _said(value: object) -> object:
    if value is None:
        return ""
    return _line(value) if isinstance(value, str) else value


def _escaped(value: object) -> object:
    """What a fact says, with whatever would be Markdown in it made plain."""
    if not isinstance(value, str):
        return _said(value)
    return re.sub(_BEGINS, r"\1\\\2", re.sub(f"({_MARKS})", r"\\\1", _line(value)))


_MARKS = r"[\\`*_\[\]<>&#|~!]"
"""What Markdown reads as more than itself."""
_BEGINS = r"^(\s*\d*)([-+=.)])"
"""What is a list or a heading where a line begins."""


def _line(fact: str) -> str:
    """A fact is no paragraph: what comes after a line break could be a list or a heading."""
    return re.sub(r"\s*[\r\n]\s*", " ", fact)


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False})


@cache
def _page() -> Any:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
    return environment.from_string(_shipped("page.html"))


def money(minor: int, currency: str, locale: Locale) -> str:
    """An amount in minor units as people write it: 500 EUR is "€5.00" or "5,00 €"."""
    amount = Decimal(minor).scaleb(-get_currency_precision(currency))
    return str(format_currency(amount, currency, locale=locale))
