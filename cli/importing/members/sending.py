"""Bringing one member in, step by step, as often as it takes.

2xx                  done; a repeat is answered as it was then
400, 409, 413, 422   refused: what follows of this member is not sent
401, 403, 404, …     nothing will ever go through: the import ends
429, 5xx, no answer  made again after a pause, for every call carries its key
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from cli.importing.bodies import Json
from cli.importing.members.checking import Arrival
from cli.importing.outcome import Mistake
from cli.importing.sending import FIRST_PAUSE, TRIES, SendingError, again, problem_of, why_lost

_FINAL = {400, 409, 412, 413, 422}


class RefusedError(Exception):
    """The programme has answered, and said no. `mistake` says what, but not yet of which member."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class OpenError(Exception):
    """There is no sure answer: a later run asks again."""


class _MemberMade(BaseModel):
    member_id: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """A member of whom all is there. `repeated`: it had been enrolled by an earlier run."""

    member_id: str
    repeated: bool


@dataclass
class Caller:
    """Makes calls; shared by all threads. `pause` waits so many seconds, less if the import is to end."""

    api: httpx.Client
    pause: Callable[[float], object]
    ending: threading.Event
    _latest: object = field(default=None, init=False)
    """The latest answer that any thread got: while nobody gets one, the programme cannot be reached."""

    def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The answer, 2xx. Raises RefusedError, OpenError, and SendingError where nothing more can be sent."""
        latest, hint, why = self._latest, 0.0, ""
        for attempt in range(TRIES):
            if attempt:
                self.pause(max(hint, FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1)))
            if self.ending.is_set():
                raise OpenError
            try:
                answer = self.api.request(method, path, **request)
            except httpx.TransportError as error:
                hint, why = 0.0, f"{type(error).__name__} {error}".strip()
                continue
            if not again(answer.status_code):
                self._latest = answer
                return _good(f"{method} {path}", answer)
            hint, why = why_lost(f"{method} {path}", answer)
        if self._latest is latest and not self.ending.is_set():
            raise SendingError(f"The programme took nothing, {TRIES} times: {why}.")
        raise OpenError


def _good(call: str, answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    problem = problem_of(answer)
    gone = answer.status_code == httpx.codes.NOT_FOUND and problem.code == "member_not_found"
    if not gone and answer.status_code not in _FINAL:
        why_lost(call, answer)
    fields = "; ".join(f"{one.get('pointer', '')}: {one.get('detail', '')}" for one in problem.errors)
    raise RefusedError(problem.code or f"status_{answer.status_code}", fields or problem.detail)


def bring(caller: Caller, arrival: Arrival) -> Arrived | Mistake | None:
    """Everything of a member; why the programme refused a part of it; None where an answer is missing.

    Raises SendingError.
    """
    step = "member"
    try:
        answer = caller.call("POST", "/v1/members", json=arrival.member, headers={"Idempotency-Key": arrival.id})
        member = _id_in(answer)
        for adjustment in arrival.adjustments:
            step = "points" if "points" in adjustment else "tier"
            caller.call("POST", f"/v1/members/{member}/adjustments", json=adjustment)
        if arrival.preferences:
            step = "consents"
            key = {"Idempotency-Key": arrival.preferences_key}
            caller.call("PUT", f"/v1/members/{member}/preferences", json=arrival.preferences, headers=key)
    except OpenError:
        return None
    except RefusedError as refused:
        return Mistake(arrival.line, arrival.key, step, refused.code, refused.detail)
    return Arrived(member, answer.headers.get("Idempotency-Replayed") == "true")


def found(caller: Caller, arrival: Arrival) -> str | None:
    """The member, as the programme has it now; None where nobody is known by that. Raises as `Caller.call`."""
    kind, value = arrival.who
    try:
        return _id_in(caller.call("GET", "/v1/members", params={kind: value}))
    except RefusedError as refused:
        if refused.code == "member_not_found":
            return None
        raise


def _id_in(answer: httpx.Response) -> str:
    try:
        id: str = _MemberMade.model_validate_json(answer.content).member_id
    except ValidationError:
        raise SendingError(
            "/v1/members answered what cannot be read: no member_id is in it. "
            "Is the client allowed the scope members.read?"
        ) from None
    return id


def told(ask: Callable[[Json], Json]) -> list[Json]:
    """All items of an answer that comes in pages."""
    items, cursor = list[Json](), None
    while True:
        page = ask({"limit": 100} | ({"cursor": cursor} if cursor else {}))
        items += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return items
