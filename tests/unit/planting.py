"""Small programme files: a test writes only what it is about."""

from collections.abc import Sequence


def a_file(rules: Sequence[str] = ("id: base, points: 1, per: 100",), more: str = "", **sections: str) -> str:
    """A programme with these rules, which are all in a group `g` of policy `all` unless they say otherwise."""
    given = {"points": "{expire: never}", **sections}
    if len(rules) > 1 or "groups" in given:
        given.setdefault("groups", "{g: all}")
        rules = [rule if "group:" in rule else f"{rule}, group: g" for rule in rules]
    lines = ["program: planted", "name: {en: Planted, fr: Planté}", "currency: EUR"]
    lines += [f"{name}: {value}" for name, value in given.items()]
    lines += [more] if more else []
    lines += ["earning:", *(f"  - {{{rule}, text: {{en: a, fr: b}}}}" for rule in rules)]
    return "\n".join(lines) + "\n"
