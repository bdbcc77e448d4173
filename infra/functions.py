"""Every function, what starts it and all it may do. Read this table to know who can touch what.

A function is called `<room>-<module>`, its code is `functions/<room>/<module>.py` with dashes as underscores. It
may call exactly the DynamoDB actions listed, on exactly those tables; role, environment and wiring follow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from functions.webhooks.catalogue import TOLD
from functions.webhooks.endpoint import MOST_ENDPOINTS


@dataclass(frozen=True, slots=True)
class Http:
    """Started by the HTTP API; the routes are those of docs/openapi.json."""


class Source(Enum):
    """Who put an event on the bus."""

    PARTNERS = "anyone but this programme"
    OURSELVES = "loyalty"
    MAIL = "aws.ses, on the bus of the account"


@dataclass(frozen=True, slots=True)
class BusEvents:
    """Started by events of these detail types, through a queue, so many `at_once`; at most so many functions
    `side_by_side`, or as many as Lambda thinks best."""

    source: Source
    detail_types: tuple[str, ...]
    at_once: int = 10
    side_by_side: int | None = None


@dataclass(frozen=True, slots=True)
class AccountChanges:
    """Started by the stream of the accounts table."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Started by the clock, every minute, or as often as the stage says."""

    every: Literal["minute", "sweep", "night"] = "sweep"


Trigger = Http | BusEvents | AccountChanges | Sweep

# Seconds. An API caller waits at most ten; a sweep has a whole table to walk.
TIMEOUTS: Mapping[type[Trigger], int] = {Http: 10, BusEvents: 30, AccountChanges: 30, Sweep: 300}

SANDBOX_TIMEOUT = 29
"""Seconds: the longest that the gateway waits. Much happens when a sandbox is put forward."""
STARTED_BY_A_SANDBOX = ("redemption-every-minute", "accrual-every-night", "notifications-every-minute")
"""What a sandbox starts itself when its clock is put forward."""


class Right(Enum):
    """What a function may do besides reading and writing tables."""

    PUBLISH = "put events on the bus"
    MAIL = "send mail from the programme's address"
    SIGN = "sign calls to suppliers"
    START = "start what the clock starts"
    TEXT = "send text messages"
    LINK = "make and read links in mails"
    WEBHOOK_SECRETS = "make the secrets of webhooks"


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One line of the table.

    `tables`: DynamoDB actions by table (`entries`) or index (`entries/index/by_member`). `sandbox`: there is none in
    production.
    """

    name: str
    trigger: Trigger
    tables: Mapping[str, tuple[str, ...]]
    rights: tuple[Right, ...] = ()
    sandbox: bool = False

    @property
    def room(self) -> str:
        return self.name.partition("-")[0]

    @property
    def handler(self) -> str:
        """Such as `functions.accrual.on_purchase_completed.handler`."""
        room, _, module = self.name.partition("-")
        return f"functions.{room}.{module.replace('-', '_')}.handler"

    @property
    def granted_tables(self) -> tuple[str, ...]:
        """Names of the tables it may touch, itself or through an index, without repeats."""
        return tuple(dict.fromkeys(path.partition("/")[0] for path in self.tables))


_READ = ("GetItem",)
_READ_AND_PUT = ("GetItem", "PutItem")

_ENROLLING = {"members": _READ_AND_PUT, "accounts": _READ_AND_PUT, "program": _READ}
# A change of a member is an entry of the account; with it the profile changes hands with its claims.
# Who leaves is forgotten in the entries' notes and in the messages as well.
_CHANGING_MEMBERS = {
    "members": (*_READ_AND_PUT, "DeleteItem"),
    "accounts": _READ_AND_PUT,
    "entries": (*_READ_AND_PUT, "UpdateItem"),
    "entries/index/by_member": ("Query",),
    "messages": (*_READ_AND_PUT, "Query", "DeleteItem"),
    "program": _READ,
}
# What a link in a mail does: note that no more of it is wanted.
_UNSUBSCRIBING = {
    "members": _READ_AND_PUT,
    "accounts": _READ_AND_PUT,
    "entries": _READ_AND_PUT,
    "program": _READ,
}
# To send a message: whose it is, what it says, and what has become of it.
_SENDING = {
    "members": _READ,
    "entries/index/by_member": ("Query",),
    "program": _READ,
    "messages": ("GetItem", "UpdateItem", "DeleteItem"),
}
_EARNING = {
    "members": _READ,
    "accounts": _READ_AND_PUT,
    "entries": _READ_AND_PUT,
    "program": _READ,
    # Rewards that rules give, and what was drawn from the budgets of rules.
    "rewards": ("BatchGetItem", "PutItem", "UpdateItem"),
}
# A return notes on the purchase's entry how much of it has come back: the only thing about an entry that grows. It
# takes back vouchers, and looks up which entries had reached the goals that it undoes.
_EARNING_AND_RETURNING = _EARNING | {
    "entries": (*_READ_AND_PUT, "UpdateItem"),
    "entries/index/by_member": ("Query",),
    "rewards": ("BatchGetItem", "GetItem", "PutItem", "UpdateItem"),
}
# A piece of the stock is drawn as from a budget.
_REDEEMING = _EARNING | {"rewards": ("BatchGetItem", "GetItem", "PutItem", "UpdateItem")}
# A refund notes on the entry of the redemption what has come back, as a return does, and takes the voucher back.
_REDEEMING_AND_REFUNDING = _REDEEMING | {"entries": (*_READ_AND_PUT, "UpdateItem")}

# What time does: entries like any other, vouchers for converted points, and the note that it is done.
_VISITING = {
    "accounts": (*_READ_AND_PUT, "UpdateItem"),
    "entries": _READ_AND_PUT,
    "program": _READ,
    "rewards": ("PutItem",),
    # Whether a reminder has arrived.
    "messages": _READ,
}

FUNCTIONS = (
    FunctionSpec("enrolment-api", Http(), _CHANGING_MEMBERS),
    FunctionSpec("enrolment-links-api", Http(), _UNSUBSCRIBING, (Right.LINK,)),
    FunctionSpec(
        "enrolment-on-member-enrolment-requested",
        BusEvents(Source.PARTNERS, ("MemberEnrolmentRequested",)),
        _ENROLLING,
        (Right.PUBLISH,),
    ),
    FunctionSpec("accrual-api", Http(), _EARNING_AND_RETURNING),
    FunctionSpec(
        "accrual-on-partner-event",
        BusEvents(Source.PARTNERS, ("PurchaseCompleted", "PurchaseReturned", "ActivityRecorded", "ActivityDecided")),
        _EARNING_AND_RETURNING,
        (Right.PUBLISH,),
    ),
    FunctionSpec(
        "accrual-on-loyalty-event",
        BusEvents(
            Source.OURSELVES,
            (
                "MemberEnrolled",
                "MemberUpdated",
                "ReferralCompleted",
                "ReferralWithdrawn",
                "AwaitedPurchaseArrived",
                "BirthdayCame",
                "AnniversaryCame",
            ),
        ),
        _EARNING_AND_RETURNING,
        (Right.PUBLISH,),
    ),
    FunctionSpec(
        "accrual-every-night",
        Sweep("night"),
        {"entries": ("PutItem", "UpdateItem", "DeleteItem"), "entries/index/awaited": ("Query",)},
        (Right.PUBLISH,),
    ),
    FunctionSpec("redemption-api", Http(), _REDEEMING_AND_REFUNDING),
    FunctionSpec(
        "redemption-on-redemption-requested",
        BusEvents(Source.PARTNERS, ("RedemptionRequested",)),
        _REDEEMING,
        (Right.PUBLISH,),
    ),
    FunctionSpec(
        "redemption-on-fulfilment-requested",
        # Each may wait for a supplier as long as it may; together they must be over in time.
        BusEvents(Source.OURSELVES, ("FulfilmentRequested",), at_once=3),
        {
            "accounts": _READ_AND_PUT,
            "entries": (*_READ_AND_PUT, "UpdateItem"),
            "program": _READ,
            # A supplier that cannot: the piece goes back to the stock.
            "rewards": ("UpdateItem",),
        },
        (Right.PUBLISH, Right.SIGN),
    ),
    FunctionSpec(
        "redemption-every-minute",
        Sweep("minute"),
        {
            "accounts": _READ_AND_PUT,
            "entries": (*_READ_AND_PUT, "UpdateItem"),
            "entries/index/awaited": ("Query",),
            "program": _READ,
            "rewards": ("UpdateItem",),
        },
    ),
    FunctionSpec("lifecycle-api", Http(), {"accounts": _READ, "program": _READ}),
    FunctionSpec(
        "lifecycle-every-hour",
        Sweep(),
        {
            "accounts": ("GetItem", "PutItem", "Scan"),
            "accounts/index/due": ("Query",),
            "rewards": ("BatchGetItem", "UpdateItem"),
            "rewards/index/ending": ("Query",),
            "program": _READ,
        },
        (Right.PUBLISH,),
    ),
    FunctionSpec(
        "lifecycle-on-members-due",
        # Each is about 25 members, and all of them must have been visited in time.
        BusEvents(Source.OURSELVES, ("MembersDue",), at_once=4),
        _VISITING,
        (Right.PUBLISH,),
    ),
    FunctionSpec(
        "lifecycle-sandbox-api",
        Http(),
        _VISITING
        | {
            "accounts/index/due": ("Query",),
            "entries/index/awaited": ("Query",),
            "rewards": ("PutItem", "BatchGetItem", "UpdateItem"),
            "rewards/index/ending": ("Query",),
            "program": _READ_AND_PUT,
        },
        (Right.PUBLISH, Right.START),
        sandbox=True,
    ),
    FunctionSpec(
        "ledger-api",
        Http(),
        {"accounts": _READ, "entries/index/by_member": ("Query",), "program": _READ},
    ),
    FunctionSpec(
        "ledger-on-account-change",
        AccountChanges(),
        {"accounts": ("UpdateItem",), "entries": ("BatchGetItem",)},
        (Right.PUBLISH,),
    ),
    FunctionSpec(
        "ledger-every-hour",
        Sweep(),
        {"accounts": ("Scan", "UpdateItem"), "entries/index/by_member": ("Query",)},
        (Right.PUBLISH,),
    ),
    FunctionSpec(
        "ledger-every-night",
        Sweep("night"),
        {"accounts": ("Scan", "GetItem", "PutItem"), "entries/index/by_member": ("Query",)},
    ),
    FunctionSpec(
        "notifications-api",
        Http(),
        {"messages": ("GetItem", "Query", "UpdateItem")},
    ),
    FunctionSpec(
        "notifications-on-loyalty-event",
        BusEvents(
            Source.OURSELVES,
            (
                "MemberEnrolled",
                "PointsEarned",
                "PointsExpiring",
                "TierChanged",
                "TierAtRisk",
                "RewardRedeemed",
                "RewardFulfilled",
                "VoucherIssued",
                "BirthdayCame",
                "ReferralCompleted",
            ),
        ),
        {
            "members": _READ,
            "entries/index/by_member": ("Query",),
            "program": _READ,
            "messages": (*_READ_AND_PUT, "DeleteItem"),
        },
        (Right.PUBLISH,),
    ),
    FunctionSpec(
        "notifications-on-email-due",
        BusEvents(Source.OURSELVES, ("EmailDue",)),
        _SENDING,
        (Right.MAIL, Right.LINK),
    ),
    FunctionSpec(
        "notifications-on-sms-due",
        BusEvents(Source.OURSELVES, ("SmsDue",)),
        _SENDING,
        (Right.TEXT,),
    ),
    FunctionSpec(
        "notifications-on-mail-returned",
        BusEvents(Source.MAIL, ("Email Bounced", "Email Complaint Received")),
        {"messages": ("GetItem", "UpdateItem")},
    ),
    FunctionSpec(
        "notifications-every-minute",
        Sweep("minute"),
        {"messages/index/waiting": ("Query",)},
        (Right.PUBLISH,),
    ),
    FunctionSpec(
        "webhooks-api",
        Http(),
        {"webhooks": ("GetItem", "PutItem", "UpdateItem", "BatchGetItem", "Query"), "feed": ("Query",)},
        (Right.PUBLISH, Right.WEBHOOK_SECRETS),
    ),
    FunctionSpec(
        "webhooks-on-loyalty-event",
        BusEvents(Source.OURSELVES, TOLD),
        {"webhooks": ("PutItem", "UpdateItem", "Query"), "feed": ("PutItem",)},
        (Right.PUBLISH,),
    ),
    FunctionSpec(
        "webhooks-on-deliveries-due",
        # One works for one endpoint, as long as it takes. All endpoints there may be find a place, and some who look
        # whether anybody works for theirs.
        BusEvents(Source.OURSELVES, ("DeliveriesDue",), at_once=1, side_by_side=MOST_ENDPOINTS + 5),
        {
            "webhooks": ("GetItem", "UpdateItem", "BatchGetItem"),
            "webhooks/index/waiting": ("Query",),
        },
        (Right.PUBLISH, Right.WEBHOOK_SECRETS),
    ),
    FunctionSpec(
        "webhooks-every-minute",
        Sweep("minute"),
        {"webhooks": ("UpdateItem", "Query"), "webhooks/index/waiting": ("Query",)},
        (Right.PUBLISH,),
    ),
    FunctionSpec(
        "program-api",
        Http(),
        {"program": ("GetItem", "PutItem", "Query", "UpdateItem")},
    ),
)
