"""Delivering one batch to `POST /v1/batches`, as often as it takes.

200                 each result counts for itself: 2xx booked, other 4xx refused, 429 and 5xx sent again
400, 413, 422       about the request as a whole: sent again in two halves, down to the one purchase it is about
401, 403, 404, …    nothing will ever go through: the import ends
429, 5xx, no answer sent again after a pause, each time in smaller parts, for the gateway may only have lost patience
"""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
from pydantic import BaseModel, ValidationError

from cli.errors import ExplainedError
from cli.importing.bodies import Json, body, enrolment_key
from cli.importing.outcome import Outcome, Refusal
from cli.importing.streams import LARGEST_BATCH, Batch
from cli.purchases.columns import Purchases
from functions.program.occasions import Purchase

TRIES = 6
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
_BATCHES, _MEMBERS = "/v1/batches", "/v1/members"
_OF_THE_REQUEST = {400, 413, 422}


class SendingError(ExplainedError):
    """Nothing more can be sent; the message says why."""


class _Entry(BaseModel):
    points: int


class _Effect(BaseModel):
    entry: _Entry


class Problem(BaseModel):
    code: str = ""
    detail: str = ""
    errors: list[Json] = []


class _Result(BaseModel):
    """What an operation of a batch is answered, as far as it matters here."""

    id: str | None = None
    status: int
    replayed: bool = False
    effect: _Effect | None = None
    problem: Problem | None = None


class _Results(BaseModel):
    results: list[_Result]


@dataclass(frozen=True, slots=True)
class Naming:
    """How members are named to the programme where the file does not tell, and whether unknown ones are enrolled."""

    known_by: str = "external_id"
    enrol: bool = False


@dataclass
class Sender:
    """Sends batches; shared by all callers. `pause` waits so many seconds, less if the import is to end."""

    api: httpx.Client
    purchases: Purchases
    naming: Naming
    pause: Callable[[float], object]
    ending: threading.Event
    enrolled: set[tuple[str, str]] = field(default_factory=set)
    _latest: object = field(default=None, init=False)
    """The latest answer that any caller got: while nobody gets one, the programme cannot be reached."""

    def send(self, batch: Batch) -> Outcome:
        """What became of a batch, once everything was tried. Raises SendingError."""
        outcome = Outcome()
        if self.naming.enrol:
            for who in dict.fromkeys(self.who(i) for i in batch.purchases):
                outcome.enrolled += self._enrol(*who)
        for i, result in self._delivered(batch.purchases).items():
            self._count(outcome, i, result)
        return outcome

    def _count(self, outcome: Outcome, i: int, result: _Result) -> None:
        if result.status < 300:
            outcome.booked += 1
            outcome.repeats += result.replayed
            outcome.points += result.effect.entry.points if result.effect else 0
            return
        problem = result.problem or Problem()
        row, receipt, (_kind, member) = self.purchases.row_of(i), self.purchases.receipts[i], self.who(i)
        code = problem.code or f"status_{result.status}"
        outcome.refused.append(Refusal(row, receipt, member, code, problem.detail, problem.errors))

    def _delivered(self, places: Sequence[int]) -> dict[int, _Result]:
        """The final answers; purchases that have none in the end are open."""
        found: dict[int, _Result] = {}
        latest, hint, why = self._latest, 0.0, ""
        for attempt in range(TRIES):
            if attempt:
                self.pause(max(hint, FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1)))
            if self.ending.is_set():
                break
            for part in _parts([i for i in places if i not in found], max(1, LARGEST_BATCH >> attempt)):
                results, lost = self._posted(part)
                found |= {i: result for i, result in results.items() if not again(result.status)}
                if lost:
                    hint, why = lost
            if len(found) == len(places):
                return found
        if self._latest is latest and not self.ending.is_set():
            raise SendingError(f"The programme took nothing, {TRIES} times: {why}.")
        return found

    def _posted(self, places: Sequence[int]) -> tuple[dict[int, _Result], tuple[float, str] | None]:
        """The results of one request; or, where there are none, how long to wait and what happened."""
        bodies = [body(*self.who(i), purchase) for i, (_, purchase) in self._built(places)]
        answer = self._call(_BATCHES, {"operations": [{"purchase": one} for one in bodies]})
        if not isinstance(answer, httpx.Response):
            return {}, (0.0, answer)
        if answer.status_code == httpx.codes.OK:
            self._latest = answer
            return dict(zip(places, _results(answer, bodies), strict=True)), None
        if answer.status_code not in _OF_THE_REQUEST:
            return {}, why_lost(f"POST {_BATCHES}", answer)
        if len(places) == 1:
            self._latest = answer
            return {places[0]: _Result(status=answer.status_code, problem=problem_of(answer))}, None
        middle = len(places) // 2
        (one, lost), (other, also_lost) = self._posted(places[:middle]), self._posted(places[middle:])
        return one | other, lost or also_lost

    def _built(self, places: Sequence[int]) -> Iterator[tuple[int, tuple[str, Purchase]]]:
        return zip(places, self.purchases.built(places), strict=True)

    def who(self, i: int) -> tuple[str, str]:
        """What names the member of a purchase, and its value."""
        return self.purchases.identity_of(i) or self.naming.known_by, self.purchases.members[self.purchases.member[i]]

    def _enrol(self, kind: str, value: str) -> int:
        """1 if this made the member. One that exists is as good; one that is refused shows with its purchases."""
        if (kind, value) in self.enrolled or kind == "id":
            return 0
        why = ""
        for attempt in range(TRIES):
            if attempt:
                self.pause(FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1))
            if self.ending.is_set():
                return 0
            answer = self._call(_MEMBERS, {kind: value}, enrolment_key(kind, value))
            if isinstance(answer, httpx.Response):
                if answer.is_success or answer.status_code in {409, *_OF_THE_REQUEST}:
                    self.enrolled.add((kind, value))
                    return int(
                        answer.status_code == httpx.codes.CREATED
                        and answer.headers.get("Idempotency-Replayed") != "true"
                    )
                _, why = why_lost(f"POST {_MEMBERS}", answer)
            else:
                why = answer
        raise SendingError(f"A member could not be enrolled, {TRIES} times: {why}.")

    def _call(self, path: str, content: Json, key: str | None = None) -> httpx.Response | str:
        """The answer, or why there is none."""
        try:
            return self.api.post(path, json=content, headers={"Idempotency-Key": key} if key else {})
        except httpx.TransportError as error:
            return f"{type(error).__name__} {error}".strip()


def _parts(places: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(places), size):
        yield places[start : start + size]


def again(status: int) -> bool:
    return status == httpx.codes.TOO_MANY_REQUESTS or status >= 500


def _results(answer: httpx.Response, bodies: Sequence[Json]) -> list[_Result]:
    """Raises SendingError where they are not the answer to what was sent."""
    try:
        results = _Results.model_validate_json(answer.content).results
    except ValidationError as error:
        raise SendingError(f"POST /v1/batches answered what cannot be read: {error.errors()[0]['msg']}.") from None
    told = [result.id for result in results]
    if len(told) != len(bodies) or any(id not in {None, one["id"]} for id, one in zip(told, bodies, strict=True)):
        raise SendingError("POST /v1/batches answered about other purchases than were sent.")
    return results


def why_lost(call: str, answer: httpx.Response) -> tuple[float, str]:
    """How long to wait before the same call is made again, and why. Raises SendingError where that is of no use."""
    problem = problem_of(answer)
    told = " ".join(filter(None, (str(answer.status_code), problem.code, problem.detail))).rstrip(".")
    if again(answer.status_code):
        after = answer.headers.get("Retry-After", "")
        return (min(float(after), LONGEST_PAUSE) if after.isdecimal() else 0.0), told
    hint = ""
    if answer.status_code in {404, 405}:
        hint = " This programme may be older than the import: deploy it anew."
    raise SendingError(f"{call} was refused: {told}.{hint}")


def problem_of(answer: httpx.Response) -> Problem:
    """The problem document; what a gateway says instead of one, in its place."""
    with suppress(ValidationError):
        found = Problem.model_validate_json(answer.content)
        if found.code or found.detail:
            return found
    return Problem(detail=answer.text[:200])
