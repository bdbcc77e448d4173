"""Vouchers end with their last day, whoever looks. Here partners are told of those that were not used up."""

from collections.abc import Callable, Sequence
from datetime import datetime, time
from itertools import islice

from functions.ledger import ending
from functions.ledger import store as ledger
from functions.ledger.events import about
from functions.ledger.reward_items import ENDING_SHARDS
from functions.ledger.rewards import Voucher
from functions.program import store as programs
from functions.program.due import DAY
from functions.program.model import Program
from functions.program.periods import day_in
from functions.runtime import bus, clock
from functions.runtime.envelope import OutboundEvent, envelope
from functions.runtime.errors import ProgramNotActiveError
from functions.runtime.observability import logger

_AT_ONCE = 50


def tell_of_ended(time_is_left: Callable[[], bool]) -> int:
    """Tell of the vouchers whose last day is over, each once, or twice under the same id; how many. What there is no
    time for is told by the next run. Raises PublishError."""
    try:
        program = programs.active()
    except ProgramNotActiveError:
        return 0  # nobody has a voucher yet
    told = 0
    today = day_in(clock.now(), program.zone)
    for shard in ENDING_SHARDS:
        keys = ending.over(shard, today)
        while time_is_left() and (some := list(islice(keys, _AT_ONCE))):
            told += _tell(some, program)
    if told:
        logger.info("vouchers_ended", told=told)
    return told


def _tell(keys: Sequence[str], program: Program) -> int:
    vouchers = ending.read(keys)
    unused = [one for one in vouchers.values() if not one.used_up and not one.withdrawn]
    events = [event for one in unused if (event := _event(one, program))]
    if events:
        bus.publish(events)
    for key in keys:
        ending.settle(key)
    return len(events)


def _event(voucher: Voucher, program: Program) -> OutboundEvent | None:
    """None where the member has left."""
    account = ledger.standing(ledger.load(voucher.member))
    if account.status == "closed":
        return None
    reward = voucher.reward
    assert reward.valid_until
    day = reward.valid_until + DAY
    return envelope(
        "VoucherExpired",
        about(reward, account.member),
        event_id=f"{account.member}#voucher-expired:{reward.redemption}",
        occurred_at=datetime.combine(day, time(), program.zone),
        recorded_at=clock.now(),
        correlation_id=f"clock#{day}",
        program_version=voucher.version,
    )
