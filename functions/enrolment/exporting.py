"""All that is kept of a member, as one document."""

from functions.enrolment import changing
from functions.enrolment.contract import AuditOut, ExportOut, MemberOut, PreferencesOut
from functions.ledger.contract import BalanceSheetOut, StatementEntryOut
from functions.program import store as programs
from functions.runtime import clock

_OWN = ("message", "template", "status", "claimed_at")


def export(member: str, call: changing.Call) -> ExportOut:
    """Raises as `changing.export`."""
    profile, account, entries, messages = changing.export(member, call)
    now = clock.now()
    return ExportOut(
        member=MemberOut.of(profile),
        preferences=PreferencesOut.of(profile),
        balance=BalanceSheetOut.of(account, now, programs.zone_of(member, now)),
        tiers=[
            {"tier": step.tier, "since": clock.to_text(step.since), "until": step.until and step.until.isoformat()}
            for step in account.tiers
        ],
        entries=[StatementEntryOut.of(entry) for entry in entries if entry.posting.member is None],
        audit=[AuditOut.of(entry) for entry in entries if entry.posting.member],
        messages=[{name: message.get(name) for name in _OWN} for message in messages],
        exported_at=now,
    )
