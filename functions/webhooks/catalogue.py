"""Which of our events partners are told, over webhooks and in the feed alike. Pure."""

from typing import Literal, TypeAlias, get_args

EventType: TypeAlias = Literal[
    "MemberEnrolled",
    "MemberUpdated",
    "MemberSuspended",
    "MemberReinstated",
    "MemberMerged",
    "MemberExported",
    "MemberClosed",
    "MemberLapsing",
    "BirthdayCame",
    "AnniversaryCame",
    "PointsEarned",
    "PointsRedeemed",
    "PointsReversed",
    "PointsActivated",
    "PointsExpired",
    "PointsExpiring",
    "PointsAdjusted",
    "TierChanged",
    "TierAtRisk",
    "RewardHeld",
    "RewardRedeemed",
    "RewardReleased",
    "RewardRefunded",
    "RewardFulfilled",
    "VoucherIssued",
    "VoucherUsed",
    "VoucherWithdrawn",
    "VoucherExpired",
    "ReferralCompleted",
    "ReferralWithdrawn",
    "OperationRefused",
]
TOLD: tuple[EventType, ...] = get_args(EventType)

INTERNAL = frozenset(
    {"MembersDue", "FulfilmentRequested", "AwaitedPurchaseArrived", "DeliveriesDue", "EmailDue", "SmsDue"}
)
"""What the programme only tells itself, to go on with something."""
