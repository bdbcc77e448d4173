"""A thousand members and a hundred pieces; and a hold that is captured, cancelled and ended at the same moment.

The members are written straight into the tables, as copies of one who enrolled and bought something.
"""

import json
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from cli import programs, proving
from cli.inside import inside
from functions.ledger import store as ledger
from functions.redemption import store as redemption
from functions.redemption.contract import RedemptionIn
from functions.runtime import clock
from functions.runtime.errors import LoyaltyError, RefusedError, TryAgainError
from tests.embedded.partner import Partner, fresh, purchase
from tests.embedded.shop import PROGRAMME, got

MEMBERS = int(os.environ.get("CALLERS", "300"))
PIECES, POINTS, PRICE = MEMBERS // 10, 60, 50
SECOND_RUSH, REFILL = 250, 50
AT_ONCE = 64
HOLDS, THREADS = 30, 3
_LATER = timedelta(hours=1)
_BATCH = 25


@pytest.fixture(scope="module")
def crowd(partner: Partner) -> Iterator[list[str]]:
    """A thousand members with points for one piece, at the deployed tables."""
    partner.put_in_force(PROGRAMME)
    with inside(partner.stack):
        yield copies(partner, MEMBERS)
    partner.put_in_force(programs.READY)


def copies(partner: Partner, count: int) -> list[str]:
    card = fresh("crowd")
    member = partner.enrol(card=card)
    bought = purchase({"id": member}, amount=POINTS * 100)
    assert partner.post("/v1/purchases", bought).status_code == 201
    dynamodb, names = partner.stack.aws("dynamodb"), partner.stack.table_names
    originals = {
        name: [
            item
            for page in dynamodb.get_paginator("scan").paginate(TableName=names[name])
            for item in page["Items"]
            if any(own in json.dumps(_key(item)) for own in (member, card, bought["id"]))
            and item.get("part", {"S": "A"}) == {"S": "A"}
        ]
        for name in ("members", "accounts", "entries")
    }
    ids = [f"{member[:-4]}{i:04}".translate(str.maketrans("0189", "abcd")) for i in range(count)]

    def write(start: int) -> None:
        for name, of_one in originals.items():
            written = [
                json.loads(
                    json.dumps(item)
                    .replace(member, ids[i])
                    .replace(card, f"{card}-{i}")
                    .replace(bought["id"], f"{bought['id']}-{i}")
                )
                for i in range(start, min(start + _BATCH // 2, count))
                for item in of_one
            ]
            for at in range(0, len(written), _BATCH):
                request: Any = {names[name]: [{"PutRequest": {"Item": item}} for item in written[at : at + _BATCH]]}
                dynamodb.batch_write_item(RequestItems=request)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(0, count, _BATCH // 2)))
    return ids


def _key(item: Mapping[str, Any]) -> object:
    return item.get("key") or item.get("operation") or item["member"]


def want(member: str) -> str:
    """A piece for a member, as a till asks for it: where the answer is that it is busy, again with the same key."""
    key = f"flash-{member}-{fresh('key')}"
    received = RedemptionIn.model_validate({"member": {"id": member}, "reward_id": "flash"})
    for _ in range(10):
        try:
            return redemption.redeem(received, "rush", key, "test").status
        except TryAgainError:
            continue
        except RefusedError as error:
            return str(error.problem()["code"])
    return "busy"


def rush(
    members: Sequence[str], act: Callable[[str], str], meanwhile: Callable[[int], None] = lambda _: None
) -> Counter[str]:
    """Everybody at once; `meanwhile` is told how many have been answered."""
    answered, lock = 0, threading.Lock()
    found: Counter[str] = Counter()

    def one(member: str) -> None:
        nonlocal answered
        outcome = act(member)
        with lock:
            answered += 1
            found[outcome] += 1
            number = answered
        meanwhile(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, members))
    return found


def stocked(partner: Partner, pieces: int) -> None:
    left = got(partner.get("/v1/rewards/flash"), 200)["left"]
    if left != pieces:
        got(partner.post("/v1/rewards/flash/stock", {"change": pieces - left}, fresh("stock")), 200)


def told(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n  {line}")


def test_a_hundred_pieces_go_to_a_hundred_of_a_thousand(
    partner: Partner, crowd: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    stocked(partner, PIECES)
    started = time.perf_counter()
    first = rush(crowd, want)
    seconds = time.perf_counter() - started
    told(capsys, f"{MEMBERS} callers, {AT_ONCE} at a time, for {PIECES} pieces: {dict(first)} in {seconds:.1f} s")

    assert first == {"captured": PIECES, "reward_sold_out": MEMBERS - PIECES}
    left = Counter(sum(ledger.load(member, consistent=True).lots.values()) for member in crowd)
    assert left == {POINTS - PRICE: PIECES, POINTS: MEMBERS - PIECES}


def test_what_is_put_on_the_shelf_in_the_middle_of_a_rush_goes_once(
    partner: Partner, crowd: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    stocked(partner, 0)
    waiting = [member for member in crowd if sum(ledger.load(member).lots.values()) >= PRICE][:SECOND_RUSH]

    def fill(answered: int) -> None:
        if answered == SECOND_RUSH // 3:
            got(partner.post("/v1/rewards/flash/stock", {"change": REFILL}, fresh("stock")), 200)

    started = time.perf_counter()
    second = rush(waiting, want, fill)
    seconds = time.perf_counter() - started
    told(capsys, f"{SECOND_RUSH} callers, {REFILL} pieces put in in the middle: {dict(second)} in {seconds:.1f} s")

    assert second == {"captured": REFILL, "reward_sold_out": SECOND_RUSH - REFILL}
    totals = proving.prove_all(partner.stack, Console(quiet=True))
    assert [problem for problem in totals.stocks if problem.startswith("stock.")] == []
    assert [proof.drift for proof in totals.drifts if proof.member in set(crowd)] == []


def test_a_hold_is_resolved_by_one_of_those_who_try(
    partner: Partner, crowd: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way from three threads. Those who end it see a clock on which its time is over."""
    mine, jitter, real = threading.local(), random.Random(5), clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + (_LATER if getattr(mine, "ends", False) else timedelta()))
    monkeypatch.setattr(ledger, "holds_due", lambda _now: iter([mine.wanted]))
    stocked(partner, HOLDS)
    able = [member for member in crowd if sum(ledger.load(member).lots.values()) >= PRICE][-HOLDS:]

    def end(wanted: str) -> None:
        mine.wanted, mine.ends = wanted, True
        try:
            redemption.end_holds()
        finally:
            mine.ends = False

    ways: list[Callable[[str], object]] = [
        lambda wanted: redemption.capture(wanted, None, "race", "test"),
        lambda wanted: redemption.cancel(wanted, "race", "test"),
        end,
    ] * THREADS
    answers: Counter[str] = Counter()

    def race(member: str) -> str:
        body = RedemptionIn.model_validate({"member": {"id": member}, "reward_id": "flash", "capture": False})
        wanted = redemption.redeem(body, "race", fresh("hold"), "test").reward.redemption
        start = threading.Barrier(len(ways))

        def run(way: Callable[[str], object], delay: float) -> None:
            start.wait()
            time.sleep(delay)  # ending looks before it acts: without a handicap for the others it would never win
            try:
                way(wanted)
            except LoyaltyError as error:
                answers[str(error.problem()["code"])] += 1

        delays = [0.0 if way is end else jitter.random() * 0.15 for way in ways]
        with ThreadPoolExecutor(len(ways)) as pool:
            list(pool.map(run, ways, delays))
        outcome = redemption.find_redemption(wanted)
        kinds = [entry.posting.kind for entry in ledger.since(member, 0)]
        assert sum(kind in {"redeemed", "released"} for kind in kinds) == 1, kinds
        spent = POINTS - sum(ledger.load(member, consistent=True).lots.values())
        assert spent == (PRICE if outcome.status == "captured" else 0)
        return outcome.status

    started = time.perf_counter()
    won = Counter(race(member) for member in able)
    seconds = time.perf_counter() - started
    told(capsys, f"{HOLDS} holds, {len(ways)} threads each: {dict(won)} in {seconds:.1f} s; others: {dict(answers)}")

    assert won.total() == HOLDS
    assert set(won) <= {"captured", "cancelled", "expired"}
    assert set(answers) <= {"hold_not_found", "hold_expired"}
    assert got(partner.get("/v1/rewards/flash"), 200)["left"] == HOLDS - won["captured"]
