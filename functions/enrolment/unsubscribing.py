"""No more mails like this: what the link in a mail does, without anybody having to sign in.

Opening the link only asks, for programs that look at mails open links as well. Saying yes, which a mail program may do
by itself (RFC 8058), notes that the member does not agree any more.
"""

from contextlib import suppress
from typing import Any

from jinja2 import Environment

from functions.enrolment import changing, profiles
from functions.enrolment.contract import ConsentIn, PreferencesIn
from functions.enrolment.member import Member
from functions.program.messages.writing import language
from functions.runtime import links
from functions.runtime.envelope import SOURCE
from functions.runtime.errors import LinkNotFoundError, MemberClosedError, MemberNotFoundError

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Messages",
        "ask": "Do you want no more messages like this one?",
        "yes": "No more messages",
        "done": "You will get no more messages like this one.",
    },
    "fr": {
        "title": "Messages",
        "ask": "Ne plus recevoir de messages comme celui-ci ?",
        "yes": "Ne plus recevoir ces messages",
        "done": "Vous ne recevrez plus de messages comme celui-ci.",
    },
}
_PAGE = """<!doctype html>
<html lang="{{ language }}">
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{{ words.title }}</title>
<style>body { font: 18px/1.6 Georgia, serif; max-width: 32em; margin: 15vh auto; padding: 0 1em; text-align: center }
button { font: inherit; padding: .6em 1.2em; cursor: pointer }</style>
{% if done %}<p>{{ words.done }}</p>
{% else %}<p>{{ words.ask }}</p><form method="post"><button>{{ words.yes }}</button></form>{% endif %}
"""


def ask(token: str) -> str:
    """The page that asks. Raises LinkNotFoundError."""
    _, member = _read(token)
    return _page(member, done=False)


def leave(token: str, correlation_id: str) -> str:
    """Note that the member wants no more of this, and the page that says so. Raises LinkNotFoundError, and the errors
    of `changing.set_preferences`."""
    link, member = _read(token)
    consent = member.consents.get(f"{link.channel}/{link.purpose}")
    if member.status != "closed" and (consent is None or consent.given):
        said: dict[str, Any] = {"channel": link.channel, "purpose": link.purpose, "given": False}
        received = PreferencesIn(consents=[ConsentIn(**said, how="link-in-mail", wording="unsubscribe-1")])
        key = f"unsubscribe-{member.id}-{link.channel}-{link.purpose}-{member.revision}"
        with suppress(MemberClosedError):  # who leaves meanwhile gets nothing anyway
            changing.set_preferences(member.id, received, changing.Call(SOURCE, key, correlation_id))
    return _page(member, done=True)


def _read(token: str) -> tuple[links.Unsubscribe, Member]:
    """The link, and who it is for: who was merged into another has the mails of the other now."""
    link = links.read(token)
    try:
        member = profiles.get(link.member)
        while member.merged_into:
            member = profiles.get(member.merged_into)
        return link, member
    except MemberNotFoundError:
        raise LinkNotFoundError("This link is not one of ours, or not whole.") from None


def _page(member: Member, *, done: bool) -> str:
    spoken = language(member.locale)
    page = Environment(autoescape=True).from_string(_PAGE)
    return page.render(language=spoken, words=_WORDS[spoken], done=done)
