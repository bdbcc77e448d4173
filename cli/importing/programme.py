"""The programme that the purchases go to: what it is, and whether it would give anything for them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import httpx

from cli import programs
from cli.errors import ExplainedError
from cli.purchases.columns import Purchases, microseconds
from functions.program.model import Program


def in_force(api: httpx.Client) -> Program:
    """The programme that judges now. Raises ExplainedError."""
    try:
        answer = api.get("/v1/program")
    except httpx.TransportError as error:
        raise ExplainedError(f"The programme does not answer: {error}. Start it with `make up`.") from None
    if answer.status_code == httpx.codes.CONFLICT:
        raise ExplainedError("No programme is active: `loyalty program publish FILE --activate` comes first.")
    if not answer.is_success:
        raise ExplainedError(f"The programme could not be read: {answer.status_code} {answer.text[:200]}")
    return programs.read_text(answer.json()["text"], "The programme in force")


def too_late(purchases: Purchases, chosen: Sequence[int], program: Program) -> int:
    """How many purchases are older than the programme accepts; they can be sent again once it does."""
    return _older(purchases, chosen, program.acceptance.late_days)


def refuse_too_early(purchases: Purchases, chosen: Sequence[int], program: Program) -> None:
    """Purchases that lie too long before an enrolment of today would be booked for ever, with no points.

    Raises ExplainedError.
    """
    most = program.acceptance.before_enrolment_days
    old = _older(purchases, chosen, most)
    if old:
        raise ExplainedError(
            f"Nothing was sent. {old:,} of {len(chosen):,} purchases are more than {most} days older than an enrolment "
            "of today, and by its before_enrolment_days the programme gives nothing for them.\n"
            "Publish it without that line for the time of the import."
        )


def _older(purchases: Purchases, chosen: Sequence[int], days: int | None) -> int:
    if days is None:
        return 0
    bound = microseconds(datetime.now(UTC) - timedelta(days=days))
    return sum(1 for i in chosen if purchases.at[i] < bound)
