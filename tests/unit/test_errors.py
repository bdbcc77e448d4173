"""The tree of errors, and the problem documents they become."""

from collections.abc import Iterator

import pytest

from functions.runtime import http
from functions.runtime.bus import MalformedError
from functions.runtime.errors import (
    FieldError,
    InsufficientPointsError,
    InvalidError,
    LoyaltyError,
    ReplayedRefusalError,
)


def leaves(kind: type[LoyaltyError] = LoyaltyError) -> Iterator[type[LoyaltyError]]:
    for below in kind.__subclasses__():
        yield below
        yield from leaves(below)


def test_a_problem_says_what_happened_in_a_stable_way_with_its_facts() -> None:
    assert InsufficientPointsError("1 is missing.", required=100, missing=1).problem() == {
        "type": "urn:loyalty:problem:insufficient_points",
        "title": "Not enough points",
        "code": "insufficient_points",
        "detail": "1 is missing.",
        "required": 100,
        "missing": 1,
    }


def test_invalid_input_names_every_bad_field_at_once() -> None:
    error = InvalidError([FieldError("/id", "missing", "Field required"), FieldError("", "empty", "Nothing there")])
    assert str(error) == "/id: Field required; /: Nothing there"
    assert error.problem() == {
        "type": "urn:loyalty:problem:invalid",
        "title": "The request has invalid fields",
        "code": "invalid",
        "detail": "/id: Field required; /: Nothing there",
        "errors": [
            {"pointer": "/id", "code": "missing", "detail": "Field required"},
            {"pointer": "", "code": "empty", "detail": "Nothing there"},
        ],
    }


def test_a_refusal_is_repeated_word_for_word() -> None:
    first = InsufficientPointsError("1 is missing.", required=100, missing=1).problem()
    again = ReplayedRefusalError(first)
    assert again.problem() == first
    assert str(again) == "1 is missing."


@pytest.mark.parametrize("kind", list(leaves()))
def test_every_error_has_a_status_but_the_one_that_is_parked(kind: type[LoyaltyError]) -> None:
    has_status = any(parent in http.STATUS for parent in kind.__mro__)
    assert has_status is (kind is not MalformedError)


def test_codes_are_a_contract() -> None:
    """Partners decide by them. One may be added; none may change or go."""
    assert {kind.__name__: (kind.code, kind.title) for kind in leaves() if kind is not ReplayedRefusalError} == {
        "InvalidError": ("invalid", "The request has invalid fields"),
        "ScopeMissingError": ("scope_missing", "The token lacks a scope"),
        "OperationIdReusedError": ("operation_id_reused", "This operation id was used with another payload"),
        "NotFoundError": ("not_found", "Not found"),
        "MemberNotFoundError": ("member_not_found", "No such member"),
        "CardNotFoundError": ("card_not_found", "This member has no card"),
        "MessageNotFoundError": ("message_not_found", "No such message"),
        "LinkNotFoundError": ("link_not_found", "No such link"),
        "PurchaseNotFoundError": ("purchase_not_found", "No such purchase"),
        "ActivityNotFoundError": ("activity_not_found", "No such activity"),
        "RewardNotFoundError": ("reward_not_found", "No such reward"),
        "RedemptionNotFoundError": ("redemption_not_found", "No such redemption"),
        "VoucherNotFoundError": ("voucher_not_found", "No such voucher"),
        "ProgramDraftNotFoundError": ("program_draft_not_found", "There is no draft of the programme"),
        "ProgramVersionNotFoundError": ("program_version_not_found", "No such version of the programme"),
        "RefusedError": ("refused", "Refused"),
        "InsufficientPointsError": ("insufficient_points", "Not enough points"),
        "AlreadyHeldError": ("already_held", "The points are held already"),
        "HoldNotFoundError": ("hold_not_found", "The redemption is not held"),
        "HoldExpiredError": ("hold_expired", "The time of the hold is over"),
        "NotRefundableError": ("not_refundable", "The redemption cannot be refunded"),
        "PointsSpentError": ("points_spent", "The points to take back are spent"),
        "PurchaseNotReturnableError": ("purchase_not_returnable", "More is returned than was bought"),
        "ActivityNotWaitingError": ("activity_not_waiting", "The activity does not wait to be confirmed"),
        "OperationTooLargeError": ("operation_too_large", "The operation brings or takes back more than fits in one"),
        "RewardNotEligibleError": ("reward_not_eligible", "This member cannot have this reward now"),
        "RewardSoldOutError": ("reward_sold_out", "There is nothing left of this reward"),
        "StockTooLowError": ("stock_too_low", "There are not so many pieces left"),
        "VoucherNotUsableError": ("voucher_not_usable", "The voucher cannot be used here and now"),
        "FulfilmentNotAwaitedError": ("fulfilment_not_awaited", "Nobody waits for this to be handed over"),
        "MemberExistsError": ("member_exists", "This identity already belongs to a member"),
        "JoiningRefusedError": ("joining_refused", "This person cannot join now"),
        "RedemptionsOpenError": ("redemptions_open", "Points are held for redemptions that are not resolved"),
        "MemberSuspendedError": ("member_suspended", "The member is suspended"),
        "MemberClosedError": ("member_closed", "The member has left"),
        "WebhookNotFoundError": ("webhook_not_found", "No such webhook"),
        "DeliveryNotFoundError": ("delivery_not_found", "No such delivery"),
        "TooManyWebhooksError": ("too_many_webhooks", "There are as many webhooks as there may be"),
        "WebhookDisabledError": ("webhook_disabled", "The webhook is disabled"),
        "StaleError": ("stale", "The member was changed since you looked"),
        "ProgramNotActiveError": ("program_not_active", "No programme is active"),
        "TooManyGuessesError": ("too_many_guesses", "Too many codes were nobody's"),
        "TryAgainError": ("try_again", "Too busy, try again with the same operation id"),
        "UnreadableError": ("unreadable", "The body cannot be read"),
        "MalformedError": ("malformed", "The event cannot be read"),
    }
