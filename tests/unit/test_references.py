"""Names in a programme file fit together: whatever is named is there, and can stand where it is named."""

import pytest

from functions.program import document
from functions.runtime.errors import InvalidError

TEXT = "text: {en: a, fr: b}"
FILE = f"""\
program: p
name: {{en: a, fr: b}}
currency: USD
points:
  expire: {{basic: {{after_months: 12, extended_by: [purchase, redemption, check-in]}}, gold: never}}
counters:
- {{id: status, {TEXT}}}
activities:
- {{id: check-in, {TEXT}, attributes: {{minutes: number, place: text}}, required: [place]}}
- {{id: class, {TEXT}, attributes: {{minutes: number}}}}
tiers:
  window: year
  held: next_window
  levels:
  - {{id: basic, {TEXT}}}
  - {{id: gold, {TEXT}, reach: [{{spend: 1000}}, {{status: 5, months: 2}}], lifetime: [{{check-in: 9}}]}}
groups: {{base: all, bonus: first}}
earning:
- {{id: every, {TEXT}, group: base, points: {{basic: 1, gold: 2}}, per: 100}}
- {{id: double, {TEXT}, group: bonus, multiply: 2, of: [every], when: {{tier: gold}}}}
- {{id: sport, {TEXT}, group: bonus, on: [check-in, class], points: 1, per: 10, of: attributes.minutes, into: status}}
- {{id: gift, {TEXT}, group: bonus, on: birthday, reward: cake}}
- {{id: match, {TEXT}, group: bonus, on: class, tier: gold}}
- {{id: vip, {TEXT}, group: bonus, points: {{gold: 5}}, when: {{tier: {{not: basic}}, counted: {{class: {{at_least: 1,
    per: month}}}}}}}}
- {{id: short, {TEXT}, group: bonus, points: 1, expire: {{after_days: 9}}}}
referral: {{on: purchase, when: {{paid: {{at_least: 1}}}}}}
goals:
- {{id: ten, {TEXT}, counts: visits, reach: 10, per: month, reward: cake, when: {{store: a}}}}
conversions:
- {{id: quarterly, {TEXT}, reward: cake, months: [1], each: {{points: 1, value: 1}}}}
rewards:
- {{id: cake, {TEXT}, kind: product, points: 5, valid_days: 9, tier: gold}}
"""


def mistakes(*changes: tuple[str, str]) -> list[tuple[str, str, str]]:
    """Pointer, code and detail of every mistake in the file, once pieces of its text are replaced."""
    text = FILE
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    with pytest.raises(InvalidError) as refused:
        document.read(text)
    return [(error.pointer, error.code, error.detail) for error in refused.value.errors]


def test_a_file_whose_names_fit_together_is_a_programme() -> None:
    program = document.read(FILE)
    assert [rule.id for rule in program.earning] == ["every", "double", "sport", "gift", "match", "vip", "short"]
    assert program.lots_move


@pytest.mark.parametrize(
    ("old", "new", "pointer", "line", "detail"),
    [
        (
            "extended_by: [purchase",
            "extended_by: [purchse",
            "/points/expire/basic/extended_by/0",
            5,
            "activity purchse: did you mean purchase?",
        ),
        ("gold: never", "gold: never, platin: never", "/points/expire/platin", 5, "tier platin: there is basic, gold"),
        ("[{spend: 1000}", "[{spent: 1000}", "/tiers/levels/1/reach/0/spent", 16, "measure spent: did you mean spend?"),
        (
            "lifetime: [{check-in",
            "lifetime: [{check-inn",
            "/tiers/levels/1/lifetime/0/check-inn",
            16,
            "measure check-inn",
        ),
        (
            "group: bonus, multiply",
            "group: bones, multiply",
            "/earning/1/group",
            20,
            "group bones: did you mean bonus?",
        ),
        (
            "[every], when: {tier: gold}",
            "[every], when: {tier: god}",
            "/earning/1/when/tier",
            20,
            "tier god: did you mean gold?",
        ),
        ("of: [every]", "of: [evry]", "/earning/1/of/0", 20, "rule evry: did you mean every?"),
        (
            "required: [place]",
            "required: [place, minuts]",
            "/activities/0/required/1",
            9,
            "attribute minuts: did you mean",
        ),
        ("on: [check-in, class]", "on: [check-in, clas]", "/earning/2/on/1", 21, "activity clas: did you mean class?"),
        ("on: class", "on: clas", "/earning/4/on", 23, "activity clas: did you mean class?"),
        ("into: status", "into: state", "/earning/2/into", 21, "counter state: did you mean status?"),
        ("reward: cake}", "reward: cak}", "/earning/3/reward", 22, "reward cak: did you mean cake?"),
        ("class, tier: gold", "class, tier: golden", "/earning/4/tier", 23, "tier golden: did you mean gold?"),
        (
            "counted: {class:",
            "counted: {clas:",
            "/earning/5/when/counted/clas",
            24,
            "measure clas: did you mean class?",
        ),
        ("referral: {on: purchase", "referral: {on: purchse", "/referral/on", 27, "activity purchse"),
        ("counts: visits", "counts: visit", "/goals/0/counts", 29, "measure visit: did you mean visits?"),
        ("reward: cake, when", "reward: cak, when", "/goals/0/reward", 29, "reward cak: did you mean cake?"),
        ("reward: cake, months", "reward: cak, months", "/conversions/0/reward", 31, "reward cak: did you mean cake?"),
        (
            "valid_days: 9, tier: gold",
            "valid_days: 9, tier: [gold, x]",
            "/rewards/0/tier",
            33,
            "tier x: there is basic, gold",
        ),
    ],
    ids=lambda value: str(value)[:50],
)
def test_whatever_is_named_must_be_there(old: str, new: str, pointer: str, line: int, detail: str) -> None:
    (where, what, told), *_ = mistakes((old, new))
    assert (where, what) == (pointer, f"unknown_{detail.split(maxsplit=1)[0]}")
    assert told.startswith(f"line {line}: There is no {detail}")


def test_where_there_is_nothing_of_a_kind_that_is_said() -> None:
    text = f"program: p\nname: {{en: a, fr: b}}\ncurrency: USD\nearning: [{{id: r, {TEXT}, points: 1, into: x}}]\n"
    with pytest.raises(InvalidError, match="There is no counter x: there is none"):
        document.read(text)


@pytest.mark.parametrize(
    ("old", "new", "pointer", "code", "line", "told"),
    [
        # what is named twice
        ("id: class, ", "id: check-in, ", "/activities/1/id", "duplicate_id", 10, "activities has two entries with id"),
        (
            "- {id: gold,",
            "- {id: basic,",
            "/tiers/levels/1/id",
            "duplicate_id",
            16,
            "tiers has two entries with id basic",
        ),
        ("id: double", "id: every", "/earning/1/id", "duplicate_id", 20, "earning has two entries with id every"),
        ("id: ten", "id: every", "/goals/0/id", "duplicate_id", 29, "A rule has the id every already"),
        ("id: class, ", "id: spend, ", "/activities/1/id", "reserved", 10, "spend means something else already"),
        (
            "id: class, ",
            "id: profile_completed, ",
            "/activities/1/id",
            "reserved",
            10,
            "profile_completed means something else already",
        ),
        ("id: class, ", "id: birthday, ", "/activities/1/id", "reserved", 10, "birthday means something else already"),
        ("id: status", "id: visits", "/counters/0/id", "reserved", 7, "visits means something else already"),
        ("id: status", "id: check-in", "/counters/0/id", "reserved", 7, "check-in means something else already"),
        # tiers that are left out
        (", gold: never}", "}", "/points/expire", "missing_tier", 5, "Say how long the points of gold last"),
        (
            "{basic: 1, gold: 2}",
            "{basic: 1}",
            "/earning/0/points",
            "missing_tier",
            19,
            "Say how many points gold gets, or leave",
        ),
        (
            "tier: {not: basic}",
            "tier: [basic, gold]",
            "/earning/5/points",
            "missing_tier",
            24,
            "Say how many points basic",
        ),
        # groups
        (
            "gift, text: {en: a, fr: b}, group: bonus",
            "gift, text: {en: a, fr: b}",
            "/earning/3",
            "missing_group",
            22,
            "Say the group of this rule: base, bonus",
        ),
        # purchases and activities
        (
            "on: [check-in, class]",
            "on: [check-in, purchase]",
            "/earning/2/on",
            "mixed",
            21,
            "A rule is on purchases or on activities; write two",
        ),
        (
            "on: birthday, ",
            "on: birthday, lines: {sku: a}, ",
            "/earning/3/lines",
            "lines",
            22,
            "Only purchases have lines",
        ),
        (
            "on: birthday, ",
            "on: birthday, when: {store: a}, ",
            "/earning/3/when/store",
            "not_of_activities",
            22,
            "Only purchases have this",
        ),
        (
            "on: purchase, when",
            "on: class, when",
            "/referral/when/paid",
            "not_of_activities",
            27,
            "Only purchases have this",
        ),
        ("counts: visits", "counts: class", "/goals/0/when/store", "not_of_activities", 29, "Only purchases have this"),
        (
            "on: birthday, ",
            "on: birthday, when: {cel: 'purchase.total > 1'}, ",
            "/earning/3/when/cel",
            "unknown_here",
            22,
            "",
        ),
        # what is counted
        (
            "of: [every]",
            "of: [sport]",
            "/earning/1/of/0",
            "other_counter",
            20,
            "sport goes into status: say into: status",
        ),
        (
            "of: attributes.minutes",
            "of: attributes.place",
            "/earning/2/of",
            "of",
            21,
            "An activity is counted by a number: attributes.minutes",
        ),
        (
            "of: attributes.minutes, ",
            "",
            "/earning/2/of",
            "of",
            21,
            "An activity is counted by a number: attributes.minutes",
        ),
        (
            "on: birthday, ",
            "on: birthday, minimum: 5, ",
            "/earning/3/of",
            "of",
            22,
            "An activity is counted by a number: it declares none",
        ),
        (
            "per: 100}",
            "per: 100, of: pieces}",
            "/earning/0/of",
            "of",
            19,
            "Input should be amount, quantity, attributes.<name>",
        ),
        (
            "of: [every]",
            "of: [double]",
            "/earning/1/of/0",
            "itself",
            20,
            "A rule cannot count its own points",
        ),
        (
            "of: [every]",
            "of: [short]",
            "/earning/1/of/0",
            "rule_too_late",
            20,
            "short must be of a group that is listed before bonus",
        ),
    ],
    ids=lambda value: str(value)[:50],
)
def test_whatever_is_named_must_be_able_to_stand_there(
    old: str, new: str, pointer: str, code: str, line: int, told: str
) -> None:
    (where, what, detail), *_ = mistakes((old, new))
    assert (where, what) == (pointer, code)
    assert detail.startswith(f"line {line}: {told}")


def test_several_rules_need_groups() -> None:
    found = mistakes(("groups: {base: all, bonus: first}\n", ""))
    assert {(code, detail.partition(": ")[2]) for _, code, detail in found} >= {
        ("unknown_group", "The programme has no groups: name them under groups, with their policy"),
    }
    text = (
        FILE.replace("groups: {base: all, bonus: first}\n", "")
        .replace("group: bonus, ", "")
        .replace("group: base, ", "")
    )
    with pytest.raises(InvalidError, match="With more than one rule, say under groups what counts when several apply"):
        document.read(text)


@pytest.mark.parametrize("policy", ["highest", "{policy: highest, by_line: true}"])
def test_a_rule_that_gives_no_points_cannot_be_compared_by_points(policy: str) -> None:
    found = mistakes(("groups: {base: all, bonus: first}\n", f"groups: {{base: all, bonus: {policy}}}\n"))
    assert [(pointer, code) for pointer, code, _ in found] == [
        ("/earning/3/group", "gift_in_highest"),
        ("/earning/4/group", "gift_in_highest"),
    ]


def test_what_points_may_give_altogether_needs_what_a_point_is_worth() -> None:
    limited = ("currency: USD\n", "currency: USD\npurchases: {most_benefit_percent: 20}\n")
    assert mistakes(limited) == [
        (
            "/purchases/most_benefit_percent",
            "missing_worth",
            "line 4: This needs points: worth, what a point is worth",
        )
    ]
    text = FILE.replace(*limited).replace("points:\n", "points:\n  worth: 1\n", 1)
    assert document.read(text).benefit_cap is not None


def test_a_rule_cannot_multiply_itself() -> None:
    text = f"program: p\nname: {{en: a, fr: b}}\ncurrency: USD\nearning: [{{id: r, {TEXT}, multiply: 2, of: [r]}}]\n"
    with pytest.raises(InvalidError):
        document.read(text)


def test_all_that_does_not_fit_is_told_at_once() -> None:
    found = mistakes(("into: status", "into: state"), ("counts: visits", "counts: visit"), ("id: status", "id: points"))
    assert {pointer for pointer, _, _ in found} >= {"/counters/0/id", "/earning/2/into", "/goals/0/counts"}


MEMBERS = "members: {attributes: {diet: text, children: number}, complete: [email, diet, birth_date]}\n"


def with_members(members: str) -> tuple[str, str]:
    return "currency: USD\n", f"currency: USD\n{members}"


def test_a_profile_is_complete_by_what_every_profile_may_hold_and_by_what_the_programme_keeps() -> None:
    program = document.read(FILE.replace(*with_members(MEMBERS)))
    assert program.complete_profile == ("email", "diet", "birth_date")
    assert program.member_attributes == {"diet": "text", "children": "number"}


@pytest.mark.parametrize(
    ("old", "new", "i", "told"),
    [
        ("[email", "[emial", 0, "field emial: did you mean email?"),
        ("diet, birth", "diets, birth", 1, "field diets: did you mean diet?"),
        ("birth_date]", "birthday]", 2, "field birthday: did you mean birth_date?"),
        ("birth_date]", "card]", 2, "field card: there is email, phone, given_name"),
        ("birth_date]", "minutes]", 2, "field minutes"),
    ],
)
def test_a_profile_is_complete_by_nothing_else(old: str, new: str, i: int, told: str) -> None:
    [(pointer, code, detail)] = mistakes(with_members(MEMBERS.replace(old, new)))
    assert (pointer, code) == (f"/members/complete/{i}", "unknown_field")
    assert detail.startswith(f"line 4: There is no {told}")


def test_a_rule_on_a_completed_profile_needs_no_activity_of_that_name() -> None:
    program = document.read(FILE.replace("on: birthday, reward: cake", "on: profile_completed, reward: cake"))
    assert program.earning[3].on == ("profile_completed",)


# --- rewards -------------------------------------------------------------------------------------------------------


SOLD = "- {id: tea, text: {en: a, fr: b}, kind: product, points: 5, valid_days: 9, %s}\n"


def sold(more: str) -> list[tuple[str, str]]:
    """Pointer and code of every mistake in a file with one more reward."""
    try:
        document.read(FILE + SOLD % more)
    except InvalidError as refused:
        return [(error.pointer, error.code) for error in refused.errors]
    return []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("when: {tier: gold, counted: {visits: {at_least: 1, per: day}}, cel: member.purchases > 1}", []),
        ("when: {tier: silver}", [("/rewards/1/when/tier", "unknown_tier")]),
        ("when: {counted: {dances: {at_least: 1, per: day}}}", [("/rewards/1/when/counted/dances", "unknown_measure")]),
        ("when: {cel: purchase.total > 1}", [("/rewards/1/when/cel", "unknown_here")]),
        ("when: {cel: activity.minutes > 1}", [("/rewards/1/when/cel", "cel")]),
        ("use: {times: 2}", []),
        ("use: {lines: {sku: a}}", []),
        ("use: {lines: {cel: line.amount > 1}}", []),
        ("use: {lines: {cel: purchase.total > 1}}", [("/rewards/1/use/lines/cel", "unknown_here")]),
    ],
)
def test_what_a_reward_names_is_known_where_it_is_asked_for(more: str, expected: list[tuple[str, str]]) -> None:
    assert sold(more) == expected


@pytest.mark.parametrize("how", ["manual", "none"])
def test_what_is_given_comes_with_a_code(how: str) -> None:
    cake = "kind: product, points: 5, valid_days: 9, tier: gold"
    [(pointer, code, told)] = mistakes((cake, f"{cake}, fulfilment: {how}"))
    assert (pointer, code) == ("/rewards/0", "given")
    assert told.endswith("It is given by a rule, a goal or a conversion: it needs fulfilment: code")
    assert sold(f"fulfilment: {how}") == []
