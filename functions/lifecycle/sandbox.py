"""Putting the clock of a sandbox forward: everything that would have happened happens, in order, and is reported.

From day to day on which something is due for anybody: the clock is put to its beginning, and the members are visited.
In between, what else the clock starts is started (`SCHEDULED_FUNCTIONS`), so that holds end and returns stop waiting.
"""

import time as stopwatch
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta

from functions.ledger import ending as vouchers
from functions.ledger import items
from functions.ledger import store as ledger
from functions.lifecycle import ending, store
from functions.lifecycle.contract import AdvancedOut, ClockOut, StepOut
from functions.program import store as programs
from functions.program.due import DAY
from functions.program.periods import day_in
from functions.runtime import aws, clock, settings

_SECONDS = 20.0
"""A call may take so long; the gateway waits thirty."""


def read() -> ClockOut:
    return ClockOut(now=clock.now(), ahead_seconds=int(clock.shift().total_seconds()))


def advance(by: timedelta) -> AdvancedOut:
    """Raises ProgramNotActiveError, and what a visit raises."""
    target, steps, started = clock.now() + by, list[StepOut](), stopwatch.monotonic()

    def time_is_left() -> bool:
        return stopwatch.monotonic() - started < _SECONDS

    # What a programme that was published just now makes due is not in the index yet.
    steps += [_step(members, time_is_left) for members in store.to_recount(time_is_left) if members]
    finished = time_is_left()
    while finished and (moment := _next_moment()) and moment <= target:
        if not time_is_left():
            finished = False
            break
        clock.put_forward_to(moment)
        programs.forget()
        clock.let_others_look()
        today = day_in(clock.now(), programs.active().zone)
        due = [member for shard in items.DUE_SHARDS for member in ledger.due(shard, today)]
        steps.append(_step(due, time_is_left))
    if finished:
        clock.put_forward_to(target)
    _start_the_rest()
    now = read()
    return AdvancedOut(now=now.now, ahead_seconds=now.ahead_seconds, steps=steps, finished=finished)


def _next_moment() -> datetime | None:
    """The beginning of the next day on which something is due for anybody or a voucher is over, or the end of the next
    hold."""
    zone = programs.active().zone
    last = vouchers.first()
    days = [ledger.first_due(), last + DAY if last else None]
    moments = [datetime.combine(day, time(), zone) for day in days if day]
    hold = ledger.first_hold_due()
    return min([*moments, *([hold] if hold else [])], default=None)


def _step(members: Sequence[str], time_is_left: Callable[[], bool]) -> StepOut:
    now = clock.now()
    visits = [store.visit(member) for member in members]
    if (hold := ledger.first_hold_due()) and hold <= now:
        _start_the_rest()
    booked, told = sum(one.booked for one in visits), sum(one.told for one in visits)
    told += ending.tell_of_ended(time_is_left)
    if told:
        clock.let_others_hear()
    return StepOut(at=now, members=len(members), booked=booked, told=told)


def _start_the_rest() -> None:
    for function in settings.scheduled_functions():
        aws.lambda_().invoke(FunctionName=function, Payload=b"{}")
