"""A programme in memory that keeps the promises of `/v1/batches`, `/v1/members` and `/v1/program`, or breaks them."""

import io
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from cli.importing.report import show
from cli.importing.running import Report, Wanted, imported
from cli.importing.sending import Naming

ROOT = Path(__file__).parents[2]
PROGRAM = (ROOT / "programs" / "record-shop.yaml").read_text()
HEADER = "receipt,member,occurred_at,amount,sku\n"

Json = dict[str, Any]
Fault = Callable[[int, httpx.Request], httpx.Response | None]
"""Hears of the n-th call of a batch or an enrolment, from 0; what it answers or raises comes of the call instead."""


class Killed(BaseException):
    """The process ended here."""


class Programme:
    """One point for each full dollar. `members`: by what they are known; None lets everybody in."""

    def __init__(self, members: Sequence[tuple[str, str]] | None = None, text: str = PROGRAM) -> None:
        self.text = text
        self.members = None if members is None else set(members)
        self.keys: dict[str, Json] = {}
        self.booked: dict[str, Json] = {}
        self.order: list[str] = []
        self.batches: list[list[str]] = []
        self.busy: dict[str, int] = {}
        self.refused: dict[str, tuple[int, str]] = {}
        self.before: Fault = lambda n, request: None
        self.after: Fault = lambda n, request: None
        self.calls = 0
        self._lock = threading.Lock()

    def api(self) -> httpx.Client:
        return httpx.Client(base_url="https://example.com", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            if request.url.path == "/v1/program":
                return httpx.Response(200, json={"version": 1, "text": self.text})
            n, self.calls = self.calls, self.calls + 1
            instead = self.before(n, request)
            if instead is not None:
                return instead
            answer = self._enrol(request) if request.url.path == "/v1/members" else self._batch(request)
            return self.after(n, request) or answer

    def _enrol(self, request: httpx.Request) -> httpx.Response:
        body, key = json.loads(request.content), request.headers["Idempotency-Key"]
        if key in self.keys:
            assert self.keys[key] == body
            return httpx.Response(201, json={}, headers={"Idempotency-Replayed": "true"})
        assert self.members is not None
        [who] = body.items()
        if who in self.members:
            return httpx.Response(409, json={"code": "member_exists", "detail": "Another member has this."})
        self.keys[key] = body
        self.members.add(who)
        return httpx.Response(201, json={})

    def _batch(self, request: httpx.Request) -> httpx.Response:
        operations = json.loads(request.content)["operations"]
        assert 1 <= len(operations) <= 100
        assert all(list(operation) == ["purchase"] for operation in operations)
        bodies = [operation["purchase"] for operation in operations]
        self.batches.append([body["id"] for body in bodies])
        return httpx.Response(200, json={"results": [self._purchase(body) for body in bodies]})

    def _purchase(self, body: Json) -> Json:
        id = body["id"]
        [who] = body["member"].items()
        if self.busy.get(id, 0):
            self.busy[id] -= 1
            return _result(id, 503, problem={"code": "try_again", "detail": "Busy."})
        if id in self.refused:
            status, code = self.refused[id]
            errors = [{"pointer": "/lines", "code": "odd", "detail": "Odd."}]
            return _result(id, status, problem={"code": code, "detail": f"No {id}.", "errors": errors})
        if self.members is not None and who not in self.members:
            return _result(id, 404, problem={"code": "member_not_found", "detail": "No such member."})
        replayed = id in self.booked
        if replayed and self.booked[id] != body:
            return _result(id, 422, problem={"code": "operation_id_reused", "detail": "Another payload."})
        if not replayed:
            self.booked[id] = body
            self.order.append(id)
        return _result(id, 201, replayed=replayed, effect={"entry": {"points": points_of(body)}, "tier": None})

    def points(self) -> int:
        return sum(map(points_of, self.booked.values()))


def _result(id: str, status: int, **more: Any) -> Json:
    return {"kind": "purchase", "id": id, "status": status, "replayed": False, "effect": None, "problem": None, **more}


def points_of(body: Json) -> int:
    return sum(int(line["amount"]) // 100 for line in body["lines"])


def a_file(folder: Path, purchases: int = 1000, members: int = 7, name: str = "sales.csv") -> Path:
    """Purchases in no order of time; purchase `i`, on line `i + 2`, is called r<i>."""
    rows = [
        f"r{i},m{i % members},2026-01-{1 + i * 11 % 28:02}T{i * 7 % 24:02}:{i % 60:02}:00,{100 + i},s\n"
        for i in range(purchases)
    ]
    path = folder / name
    path.write_text(HEADER + "".join(rows))
    return path


def run(programme: Programme, file: Path, **options: Any) -> tuple[Report, str]:
    """One import; its report, and all that it printed."""
    naming = Naming(options.pop("known_by", "external_id"), options.pop("enrol", False))
    at = options.pop("at", "till at https://example.com")
    pause = options.pop("pause", lambda seconds: None)
    wanted = Wanted(str(file), at, naming=naming, **options)
    console = Console(file=io.StringIO(), width=160)
    report = imported(programme.api(), wanted, console, pause)
    show(report, console)
    assert isinstance(console.file, io.StringIO)
    return report, console.file.getvalue()


def errors_of(file: Path) -> list[Json]:
    path = Path(f"{file}.errors.ndjson")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def journal_of(file: Path) -> Path:
    return Path(f"{file}.progress")
