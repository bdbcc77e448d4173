"""What is wrong with a draft, what may not be meant so, what it costs at most, and what it would change."""

from functions.program import document, store
from functions.program.checks.report import checked
from functions.program.contract import CheckOut, FindingOut, MistakeOut
from functions.program.differences.programs import differences
from functions.program.model import Program
from functions.runtime import clock
from functions.runtime.errors import InvalidError, ProgramNotActiveError


def check(text: str) -> CheckOut:
    """Everything there is to say about a file before it is published."""
    try:
        report = checked(text, clock.now().date())
    except InvalidError as error:
        mistakes = [MistakeOut(pointer=one.pointer, code=one.code, detail=one.detail) for one in error.errors]
        return CheckOut(publishable=False, mistakes=mistakes, findings=[], costs=[], changes=[])
    found = [
        FindingOut(line=one.line, code=one.finding.code, detail=one.finding.message, serious=one.finding.serious)
        for one in report.told
    ]
    return CheckOut(
        publishable=True, mistakes=[], findings=found, costs=report.cost.sentences(), changes=_changes(report.program)
    )


def _changes(draft: Program) -> list[str]:
    """What members would notice; nothing while there is no programme to compare with."""
    try:
        active = store.active()
    except ProgramNotActiveError:
        return []
    return differences(document.read(store.get(active.version).text), draft)
