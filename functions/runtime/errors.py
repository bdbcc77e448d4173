"""Every error a caller can cause or meet.

    LoyaltyError
    ├── InvalidError              the request itself is wrong; nothing is written
    ├── ScopeMissingError         the caller's token does not allow this much; nothing was looked up
    ├── OperationIdReusedError    a known operation id with another payload; nothing is written
    ├── NotFoundError             what the request names does not exist
    ├── RefusedError              the state of the programme or the account forbids it
    │   ├── InsufficientPointsError
    │   ├── AlreadyHeldError
    │   ├── HoldNotFoundError
    │   ├── PointsSpentError
    │   ├── PurchaseNotReturnableError
    │   ├── ActivityNotWaitingError
    │   ├── HoldExpiredError
    │   ├── NotRefundableError
    │   ├── RewardNotEligibleError
    │   ├── RewardSoldOutError
    │   ├── StockTooLowError
    │   ├── VoucherNotUsableError
    │   ├── FulfilmentNotAwaitedError
    │   ├── MemberExistsError
    │   ├── JoiningRefusedError
    │   ├── RedemptionsOpenError
    │   ├── MemberSuspendedError
    │   ├── MemberClosedError
    │   ├── OperationTooLargeError
    │   ├── TooManyWebhooksError
    │   ├── WebhookDisabledError
    │   └── ReplayedRefusalError  what this operation id was answered before
    ├── StaleError                the member was changed since the caller looked
    ├── ProgramNotActiveError     nothing is published yet
    ├── TooManyGuessesError       codes that are nobody's; to be tried again later
    └── TryAgainError             too busy to commit; nothing was decided, the same call may be repeated

The errors know nothing of HTTP; `runtime/http.py` maps them to a status in one table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad field: where it is (a JSON pointer), a stable code, and what would be right."""

    pointer: str
    code: str
    detail: str


class LoyaltyError(Exception):
    """Base of the tree. `code` is stable; `detail` is for people; `members` are further facts of the problem."""

    code: ClassVar[str] = "loyalty_error"
    title: ClassVar[str] = "The request could not be carried out"

    def __init__(self, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members

    def problem(self) -> dict[str, object]:
        """The problem document (RFC 9457) without its HTTP status."""
        return {
            "type": f"urn:loyalty:problem:{self.code}",
            "title": self.title,
            "code": self.code,
            "detail": self.detail,
            **self.members,
        }


class InvalidError(LoyaltyError):
    """The input is wrong in one or more named fields."""

    code = "invalid"
    title = "The request has invalid fields"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = tuple(errors)
        detail = "; ".join(f"{error.pointer or '/'}: {error.detail}" for error in errors)
        super().__init__(detail, errors=[asdict(error) for error in errors])


class ScopeMissingError(LoyaltyError):
    code = "scope_missing"
    title = "The token lacks a scope"


class OperationIdReusedError(LoyaltyError):
    code = "operation_id_reused"
    title = "This operation id was used with another payload"


class NotFoundError(LoyaltyError):
    code = "not_found"
    title = "Not found"


class MemberNotFoundError(NotFoundError):
    code = "member_not_found"
    title = "No such member"


class CardNotFoundError(NotFoundError):
    code = "card_not_found"
    title = "This member has no card"


class MessageNotFoundError(NotFoundError):
    code = "message_not_found"
    title = "No such message"


class LinkNotFoundError(NotFoundError):
    code = "link_not_found"
    title = "No such link"


class PurchaseNotFoundError(NotFoundError):
    code = "purchase_not_found"
    title = "No such purchase"


class ActivityNotFoundError(NotFoundError):
    code = "activity_not_found"
    title = "No such activity"


class RewardNotFoundError(NotFoundError):
    code = "reward_not_found"
    title = "No such reward"


class RedemptionNotFoundError(NotFoundError):
    code = "redemption_not_found"
    title = "No such redemption"


class VoucherNotFoundError(NotFoundError):
    code = "voucher_not_found"
    title = "No such voucher"


class ProgramDraftNotFoundError(NotFoundError):
    code = "program_draft_not_found"
    title = "There is no draft of the programme"


class ProgramVersionNotFoundError(NotFoundError):
    code = "program_version_not_found"
    title = "No such version of the programme"


class WebhookNotFoundError(NotFoundError):
    code = "webhook_not_found"
    title = "No such webhook"


class DeliveryNotFoundError(NotFoundError):
    code = "delivery_not_found"
    title = "No such delivery"


class RefusedError(LoyaltyError):
    code = "refused"
    title = "Refused"


class InsufficientPointsError(RefusedError):
    code = "insufficient_points"
    title = "Not enough points"


class AlreadyHeldError(RefusedError):
    code = "already_held"
    title = "The points are held already"


class HoldNotFoundError(RefusedError):
    code = "hold_not_found"
    title = "The redemption is not held"


class HoldExpiredError(RefusedError):
    code = "hold_expired"
    title = "The time of the hold is over"


class NotRefundableError(RefusedError):
    code = "not_refundable"
    title = "The redemption cannot be refunded"


class PointsSpentError(RefusedError):
    code = "points_spent"
    title = "The points to take back are spent"


class PurchaseNotReturnableError(RefusedError):
    code = "purchase_not_returnable"
    title = "More is returned than was bought"


class ActivityNotWaitingError(RefusedError):
    code = "activity_not_waiting"
    title = "The activity does not wait to be confirmed"


class RewardNotEligibleError(RefusedError):
    code = "reward_not_eligible"
    title = "This member cannot have this reward now"


class RewardSoldOutError(RefusedError):
    code = "reward_sold_out"
    title = "There is nothing left of this reward"


class StockTooLowError(RefusedError):
    code = "stock_too_low"
    title = "There are not so many pieces left"


class VoucherNotUsableError(RefusedError):
    code = "voucher_not_usable"
    title = "The voucher cannot be used here and now"


class FulfilmentNotAwaitedError(RefusedError):
    code = "fulfilment_not_awaited"
    title = "Nobody waits for this to be handed over"


class MemberExistsError(RefusedError):
    code = "member_exists"
    title = "This identity already belongs to a member"


class JoiningRefusedError(RefusedError):
    code = "joining_refused"
    title = "This person cannot join now"


class RedemptionsOpenError(RefusedError):
    code = "redemptions_open"
    title = "Points are held for redemptions that are not resolved"


class MemberSuspendedError(RefusedError):
    code = "member_suspended"
    title = "The member is suspended"


class MemberClosedError(RefusedError):
    code = "member_closed"
    title = "The member has left"


class OperationTooLargeError(RefusedError):
    code = "operation_too_large"
    title = "The operation brings or takes back more than fits in one"


class TooManyWebhooksError(RefusedError):
    code = "too_many_webhooks"
    title = "There are as many webhooks as there may be"


class WebhookDisabledError(RefusedError):
    code = "webhook_disabled"
    title = "The webhook is disabled"


class ReplayedRefusalError(RefusedError):
    """The refusal that this operation id got the first time, word for word."""

    def __init__(self, problem: Mapping[str, object]) -> None:
        super().__init__(str(problem["detail"]))
        self._problem = dict(problem)

    def problem(self) -> dict[str, object]:
        return self._problem


class StaleError(LoyaltyError):
    code = "stale"
    title = "The member was changed since you looked"


class ProgramNotActiveError(LoyaltyError):
    code = "program_not_active"
    title = "No programme is active"


class TooManyGuessesError(LoyaltyError):
    code = "too_many_guesses"
    title = "Too many codes were nobody's"


class TryAgainError(LoyaltyError):
    code = "try_again"
    title = "Too busy, try again with the same operation id"
