"""Sending what waits for one endpoint. Each endpoint has a worker of its own, so that a slow one delays no other.

Threads only wait for answers: what is read and written, is so by the one that started them.
"""

import time as stopwatch
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from functions.runtime import bus, clock, outgoing, settings
from functions.runtime.errors import WebhookNotFoundError
from functions.runtime.observability import logger
from functions.webhooks import outbox, store, telling
from functions.webhooks.delivery import Attempt, Delivery, unpacked
from functions.webhooks.endpoint import Endpoint, secret_of

AT_ONCE = 8
SECONDS = 15.0
"""How long a worker begins new rounds: the last one must end before its function does, after thirty."""
_LONGEST_CALL = 10.0
"""With the look for the address, which may take its time."""
_INDEX_SECONDS = 0.5
REST = timedelta(seconds=20)
"""How long an endpoint is left alone that answered nothing at all to as many calls as are made at once."""


@dataclass(slots=True)
class _Worker:
    """`handled`: what it sent last, which the index of what waits may still have."""

    webhook: str
    name: str = field(default_factory=lambda: uuid4().hex)
    handled: deque[str] = field(default_factory=lambda: deque(maxlen=2 * AT_ONCE))


def drain(webhook: str) -> None:
    """Send what is due for an endpoint, unless somebody does already."""
    worker, until = _Worker(webhook), stopwatch.monotonic() + SECONDS
    if not outbox.lease(webhook, worker.name, clock.wall()):
        return
    with_threads = ThreadPoolExecutor(AT_ONCE)
    try:
        while stopwatch.monotonic() < until:
            if _round(worker, with_threads):
                continue
            if outbox.release(webhook, worker.name):
                return
            clock.pause(_INDEX_SECONDS)  # what came a moment ago may not be in the index yet
            worker.handled.clear()  # and of these, one may be wanted again
    finally:
        # A thread that still looks for an address is not waited for.
        with_threads.shutdown(wait=False, cancel_futures=True)
    outbox.hand_on(webhook, worker.name)
    bus.publish([telling.due(webhook)])


def _round(worker: _Worker, threads: ThreadPoolExecutor) -> bool:
    """Send some deliveries; False where there is nothing to be sent now."""
    endpoint = _active(worker.webhook)
    now = clock.wall()
    some = outbox.due(worker.webhook, now, AT_ONCE, worker.handled) if endpoint else []
    if endpoint is None or not some:
        return False
    worker.handled.extend(one.id for one in some)
    outcomes = _sent(endpoint, some, threads)
    for one, outcome in zip(some, outcomes, strict=True):
        _note(one, *outcome)
    attempts = [attempt for attempt, _ in outcomes]
    outbox.note_health(worker.webhook, clock.wall(), delivered=any(one.succeeded for one in attempts))
    if any(one.says_gone for one in attempts):
        store.disable_gone(worker.webhook)
        logger.error("webhook_gone", webhook=worker.webhook)
    if len(attempts) < AT_ONCE or any(one.status for one in attempts):
        return True
    _let_rest(worker)
    return False


def _active(webhook: str) -> Endpoint | None:
    try:
        endpoint = store.find(webhook)
    except WebhookNotFoundError:
        return None
    return endpoint if endpoint.status == "active" else None


Outcome = tuple[Attempt, int | None]


def _sent(endpoint: Endpoint, deliveries: Sequence[Delivery], threads: ThreadPoolExecutor) -> list[Outcome]:
    now = clock.wall()
    master = outgoing.secret(settings.webhook_secret())
    keys = [secret_of(master, endpoint.id, generation) for generation in endpoint.signing(now)]
    calls: list[Future[Outcome]] = []
    for one in deliveries:
        body = unpacked(one.body)
        headers = outgoing.signed(one.event_id, body, keys, now)
        calls.append(threads.submit(_call, endpoint.url, body, headers))
    wait(calls, timeout=_LONGEST_CALL)
    late = Attempt(now, None, "the name is not known in time", int(_LONGEST_CALL * 1000)), None
    return [call.result() if call.done() else late for call in calls]


def _call(url: str, body: str, headers: Mapping[str, str]) -> Outcome:
    began, at = stopwatch.monotonic(), clock.wall()
    try:
        heard = outgoing.deliver(url, body, headers)
    except outgoing.UnreachableError as error:
        return Attempt(at, None, str(error), _since(began)), None
    return Attempt(at, heard.status, None, _since(began)), heard.retry_after


def _since(began: float) -> int:
    return int((stopwatch.monotonic() - began) * 1000)


def _note(delivery: Delivery, attempt: Attempt, retry_after: int | None) -> None:
    after = delivery.tried(attempt, retry_after)
    logger.info(
        "webhook_called",
        webhook=delivery.webhook,
        delivery=delivery.id,
        answer=attempt.status or attempt.error,
        milliseconds=attempt.milliseconds,
        tries=after.tries,
        status=after.status,
    )
    _save(delivery, after)


def _save(before: Delivery, after: Delivery) -> None:
    if outbox.save(before, after, clock.wall()) and after.status == "parked":
        _alarm(after)


def _alarm(delivery: Delivery) -> None:
    from aws_lambda_powertools.metrics import MetricUnit, single_metric  # not at the top: few are parked

    with single_metric(name="DeliveriesParked", unit=MetricUnit.Count, value=1):
        logger.error("delivery_parked", webhook=delivery.webhook, delivery=delivery.id, type=delivery.type)


def _let_rest(worker: _Worker) -> None:
    """The endpoint answered nothing: leave it alone for a while. What has waited for so long that it would be given up
    by now, had there been time to try it, is parked."""
    now = clock.wall()
    for one in outbox.due(worker.webhook, now, 10 * AT_ONCE, worker.handled):
        if one.is_overdue(now):
            _save(one, one.parked())
    outbox.rest(worker.webhook, worker.name, now + REST)
