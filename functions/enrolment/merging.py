"""Two members who are one person: everything of the one goes to the other. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from functions.enrolment.member import Consent, Member
from functions.ledger.account import Account, Count, MemberChange, Posting, TierStep, Traits
from functions.ledger.movements import hand_over, take_over
from functions.program import tiers
from functions.program.model import Program
from functions.program.periods import day_in


def latest_said(gone: Member, kept: Member) -> dict[str, Consent]:
    """What one person agreed to under two names: the later word counts."""
    said = dict(gone.consents)
    for name, consent in kept.consents.items():
        if name not in said or said[name].at <= consent.at:
            said[name] = consent
    return said


def decide_merge(gone: Account, kept: Account, program: Program, now: datetime) -> tuple[Posting, Posting]:
    """What leaves the account of the member who goes, and what comes to that of the one who stays: points with their
    lots and days, holds, what is owed, all that was counted, and the better tier. Together they own what they owned.
    Nobody is referred by oneself."""
    today = day_in(now, program.zone)
    steps = _better(gone, kept, program, now)
    referred_by = kept.traits.referred_by or gone.traits.referred_by
    one_person = {gone.member, kept.member}
    traits = replace(kept.traits, referred_by=None if referred_by in one_person else referred_by)
    into = MemberChange(
        "MemberMerged",
        after={"into": kept.member},
        status="merged",
        traits=Traits(imported=gone.traits.imported),
        merged_into=kept.member,
    )
    left = Posting(
        kind="changed",
        change=hand_over(gone),
        occurred_at=now,
        program_version=program.version,
        counts=[Count(key, kept=-value) for key, value in gone.counters.items()],
        member=into,
    )
    arrived = Posting(
        kind="changed",
        change=take_over(kept, gone, today),
        occurred_at=now,
        program_version=program.version,
        counts=[Count(key, kept=value) for key, value in gone.counters.items()],
        tiers=None if steps == kept.tiers else steps,
        tier_before=kept.tier,
        member=MemberChange(
            "MemberMerged", after={"from": gone.member}, traits=None if traits == kept.traits else traits
        ),
    )
    return left, arrived


def _better(gone: Account, kept: Account, program: Program, now: datetime) -> Sequence[TierStep]:
    """The tiers of the one who stays, with that of the one who goes where it is higher."""
    if program.tiers is None or not gone.tiers:
        return kept.tiers
    rank = program.tiers.rank
    if rank(tiers.tier_at(gone.tiers, program, now)) <= rank(tiers.tier_at(kept.tiers, program, now)):
        return kept.tiers
    return (*kept.tiers, replace(gone.tiers[-1], since=now))
