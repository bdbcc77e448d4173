"""`loyalty program preview`: every message of a programme as members will read it, with examples for facts."""

import html
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from functions.program.messages.catalogue import KINDS, LOCALES, Kind, examples
from functions.program.messages.writing import footer, page, words, write, write_html, write_sms
from functions.program.model import Program

_EXAMPLE_LINK = "https://api.example.com/v1/unsubscribe/example"


class Previewed(NamedTuple):
    """A message in a language: as mail, as plain text, and as a text message."""

    kind: Kind
    locale: str
    channels: tuple[str, ...]
    subject: str
    page: str
    text: str
    sms: str


def previewed(program: Program) -> Iterator[Previewed]:
    """Every message in every language."""
    for kind in KINDS:
        for locale in LOCALES:
            facts = {**examples(kind)[0], **_known(program, locale)}
            template, leave = words(program, kind.id, locale), None if kind.purpose == "service" else _EXAMPLE_LINK
            subject, body = write(template, locale, facts)
            yield Previewed(
                kind,
                locale,
                tuple(one for one in program.messages.over(kind.id) if kind.events or one == "email"),
                subject,
                page(program, locale, subject, write_html(template, locale, facts), leave),
                body + footer(program, locale, leave),
                write_sms(words(program, kind.id, locale, sms=True), locale, facts),
            )


def _known(program: Program, locale: str) -> dict[str, str]:
    """What the programme itself has for an example."""
    known = {"program": program.name[locale]}
    if program.tiers and len(program.tiers.levels) > 1:
        known |= {"then": program.tiers.levels[-2].text[locale], "tier": program.tiers.levels[-1].text[locale]}
    if program.rewards:
        known["reward"] = next(iter(program.rewards.values())).text[locale]
    return known


def show(found: list[Previewed], console: Console) -> None:
    """A line for each message and language."""
    table = Table("message", "for", "goes out by", "subject", box=None, header_style="bold", pad_edge=False)
    for one in found:
        first = one.locale == LOCALES[0]
        channels = ", ".join(one.channels) or "not sent"
        table.add_row(
            one.kind.id if first else "", one.kind.purpose if first else "", channels if first else "", one.subject
        )
    console.print(table)


def write_gallery(found: list[Previewed], file: Path) -> None:
    """A page with all of them, to look at in a browser."""
    shown = [
        f"<section><h2>{html.escape(one.kind.id)} <small>{one.locale} · {one.kind.purpose} · "
        f"{html.escape(', '.join(one.channels) or 'not sent')}</small></h2><div>"
        f'<iframe sandbox srcdoc="{html.escape(one.page)}" title="{html.escape(one.subject)}"></iframe>'
        f"<pre>{html.escape(one.subject)}\n\n{html.escape(one.text)}</pre>"
        f"<pre class=sms>{html.escape(one.sms)}</pre></div></section>"
        for one in found
    ]
    file.write_text("\n".join([_GALLERY_HEAD, *shown]))


_GALLERY_HEAD = """<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Messages</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; background: #fff; color: #222 }
h2 small { font-weight: normal; color: #777 }
section div { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start }
iframe { width: 620px; max-width: 100%; height: 560px; border: 1px solid #ddd; border-radius: 8px }
pre { flex: 1 1 20rem; margin: 0; padding: 1rem; white-space: pre-wrap; background: #f6f6f4; border-radius: 8px }
pre.sms { flex: 0 1 16rem; background: #e5f2e5 }
</style>"""
