"""`loyalty import purchases`: everything is booked once, whatever happens on the way, and what is not is told."""

import json
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from cli.app import app
from cli.errors import ExplainedError
from cli.importing.bodies import NO_SKU, enrolment_key
from cli.importing.journal import Journal, JournalError
from cli.importing.sending import TRIES
from cli.purchases.receipts import ReadingError
from functions.accrual.contract import PurchaseIn
from tests.unit.importing import HEADER, PROGRAM, ROOT, Killed, Programme, a_file, errors_of, journal_of, run


def test_every_purchase_is_booked_as_the_file_says(tmp_path: Path) -> None:
    programme, file = Programme(), a_file(tmp_path)
    report, told = run(programme, file)
    assert report.all_booked
    assert (report.whole.booked, report.whole.repeats, report.open) == (1000, 0, 0)
    assert programme.booked["r10"] == {
        "id": "r10",
        "member": {"external_id": "m3"},
        "occurred_at": "2026-01-27T22:10:00+00:00",
        "currency": "USD",
        "lines": [{"id": "1", "sku": "s", "quantity": 1, "amount": 110}],
    }
    assert report.whole.points == programme.points()
    assert f"{programme.points():,}" in told
    assert not journal_of(file).exists()
    assert not Path(f"{file}.errors.ndjson").exists()


def test_a_second_run_changes_nothing_and_says_so(tmp_path: Path) -> None:
    programme, file = Programme(), a_file(tmp_path)
    first, _ = run(programme, file)
    before = dict(programme.booked)
    report, told = run(programme, file)
    assert programme.booked == before
    assert len(programme.order) == 1000
    assert (report.whole.booked, report.whole.repeats) == (1000, 1000)
    assert report.whole.points == first.whole.points
    assert report.all_booked
    assert "of them repeats, booked before" in told


@pytest.mark.parametrize("budget", ["", "    budget: 1000000\n"])
def test_each_member_is_booked_in_the_order_of_time(tmp_path: Path, budget: str) -> None:
    programme = Programme(text=PROGRAM.replace("    per: 100\n", "    per: 100\n" + budget))
    run(programme, a_file(tmp_path, 1500, 23), callers=6)
    times = defaultdict[str, list[str]](list)
    for id in programme.order:
        times[programme.booked[id]["member"]["external_id"]].append(programme.booked[id]["occurred_at"])
    assert len(times) == 23
    assert all(of_one == sorted(of_one) for of_one in times.values())


def test_purchases_of_a_member_come_together(tmp_path: Path) -> None:
    programme = Programme()
    run(programme, a_file(tmp_path, 1000, 10))
    members = [{programme.booked[id]["member"]["external_id"] for id in batch} for batch in programme.batches]
    assert all(len(of_one) == 1 for of_one in members)


def test_a_budget_that_all_draw_from_is_drawn_by_time(tmp_path: Path) -> None:
    programme = Programme(text=PROGRAM.replace("    per: 100\n", "    per: 100\n    budget: 1000000\n"))
    run(programme, a_file(tmp_path, 300, 10))
    times = [programme.booked[id]["occurred_at"] for id in programme.order]
    assert times == sorted(times)


def test_the_first_are_the_oldest(tmp_path: Path) -> None:
    programme, file = Programme(), a_file(tmp_path)
    report, _ = run(programme, file, first=300)
    rows = [line.split(",") for line in file.read_text().splitlines()[1:]]
    oldest = [row[0] for row in sorted(rows, key=lambda row: row[2])[:300]]
    assert set(programme.booked) == set(oldest)
    assert report.all_booked


@pytest.mark.parametrize("answered", [True, False])
def test_killed_at_any_call_the_next_run_goes_on(tmp_path: Path, answered: bool) -> None:
    whole = Programme(members=())
    file = a_file(tmp_path, 450, 5)
    run(whole, file, enrol=True, callers=1)
    for k in range(whole.calls):
        programme = Programme(members=())
        programme.refused = {"r7": (422, "invalid"), "r333": (409, "refused")}

        def kill(n: int, request: httpx.Request, k: int = k) -> None:
            if n == k:
                raise Killed

        programme.before, programme.after = (programme.before, kill) if answered else (kill, programme.after)
        with pytest.raises(Killed):
            run(programme, file, enrol=True, callers=1)
        done = len(journal_of(file).read_text().splitlines()) - 1
        programme.before = programme.after = lambda n, request: None
        sent = len(programme.batches)
        report, _ = run(programme, file, enrol=True, callers=3)
        assert len(programme.batches) - sent == len(whole.batches) - done
        assert (report.whole.booked, len(report.whole.refused), report.open) == (448, 2, 0)
        assert report.whole.points == programme.points()
        assert sorted(programme.order) == sorted(set(whole.order) - {"r7", "r333"})
        assert [error["line"] for error in errors_of(file)] == [9, 335]
        assert not journal_of(file).exists()


def test_a_journal_that_ends_anywhere_is_gone_on_with(tmp_path: Path) -> None:
    file = a_file(tmp_path, 320, 5)
    programme = Programme()
    programme.busy = {"r200": 1000}
    programme.refused = {"r3": (422, "invalid")}
    run(programme, file, callers=2)
    journal = journal_of(file).read_bytes()
    lines = journal.count(b"\n")
    assert lines > 3
    programme.busy = {}
    for end in range(0, len(journal), 17):
        journal_of(file).write_bytes(journal[:end])
        sent = len(programme.batches)
        report, _ = run(programme, file, callers=5)  # other callers, the same batches
        whole_lines = journal[:end].count(b"\n")
        assert len(programme.batches) - sent == lines - max(0, whole_lines - 1)
        assert (report.whole.booked, len(report.whole.refused), report.open) == (319, 1, 0)
        assert report.whole.points == programme.points()
        assert len(errors_of(file)) == 1


@pytest.mark.parametrize("cut", [1, 5])
def test_what_follows_a_line_that_was_cut_off_is_not_lost(tmp_path: Path, cut: int) -> None:
    file = a_file(tmp_path, 320, 5)
    programme = Programme()
    programme.busy = {"r200": 1000}
    run(programme, file, callers=1)
    journal = journal_of(file).read_bytes()
    lines = journal.count(b"\n")
    journal_of(file).write_bytes(journal[:-cut])
    run(programme, file, callers=1)
    assert journal_of(file).read_bytes().count(b"\n") == lines
    assert all(json.loads(line) for line in journal_of(file).read_text().splitlines())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"first": 299}, "the options are others"),
        ({"skip_bad_rows": True}, "the options are others"),
        ({"at": "till at https://example.org"}, "it went to another programme"),
        ({}, "the file has changed"),
    ],
)
def test_a_journal_of_another_import_is_dropped(tmp_path: Path, change: dict[str, object], why: str) -> None:
    file = a_file(tmp_path, 300, 5)
    programme = Programme()
    programme.busy = {"r200": 1000}
    report, _ = run(programme, file, callers=1)
    assert report.open == 1
    if not change:
        file.write_text(file.read_text() + "r300,m1,2026-01-05,100,s\n")
    programme.busy = {}
    sent = len(programme.batches)
    report, told = run(programme, file, callers=1, **change)
    assert f"({why}): starting anew" in told
    assert report.earlier.answered == 0
    assert len(programme.batches) - sent >= 3
    assert report.all_booked


def test_going_on_is_told(tmp_path: Path) -> None:
    file = a_file(tmp_path, 300, 5)
    programme = Programme()
    programme.busy = {"r200": 1000}
    run(programme, file, callers=1)
    programme.busy = {}
    report, told = run(programme, file, callers=1)
    assert "Going on: 200 purchases were done before" in told
    assert (report.earlier.answered, report.whole.booked, report.whole.repeats) == (200, 300, 99)


def test_two_imports_of_a_file_do_not_run_at_once(tmp_path: Path) -> None:
    file = a_file(tmp_path, 10)
    other = Journal.open(journal_of(file), {})
    with pytest.raises(JournalError, match="Another import"):
        run(Programme(), file)
    other.close(finished=True)
    run(Programme(), file)


def test_each_result_counts_for_itself(tmp_path: Path) -> None:
    programme, file = Programme(), a_file(tmp_path, 120, 3)
    programme.refused = {"r5": (422, "invalid"), "r50": (409, "refused"), "r6": (404, "member_not_found")}
    programme.busy = {"r9": 2, "r10": TRIES, "r11": TRIES - 1}
    report, told = run(programme, file)
    assert set(programme.booked) == {f"r{i}" for i in range(120)} - {"r5", "r50", "r6", "r10"}
    assert (report.whole.booked, len(report.whole.refused), report.open) == (116, 3, 1)
    assert not report.all_booked
    errors = [{"pointer": "/lines", "code": "odd", "detail": "Odd."}]
    assert errors_of(file) == [
        {"line": 7, "receipt": "r5", "member": "m2", "code": "invalid", "detail": "No r5.", "errors": errors},
        {"line": 8, "receipt": "r6", "member": "m0", "code": "member_not_found", "detail": "No r6.", "errors": errors},
        {"line": 52, "receipt": "r50", "member": "m2", "code": "refused", "detail": "No r50.", "errors": errors},
    ]
    assert "Run the same command again" in told
    assert "--enrol enrols them" in told
    assert journal_of(file).exists()


def test_only_what_was_busy_is_sent_again(tmp_path: Path) -> None:
    programme, file = Programme(), a_file(tmp_path, 90, 3)
    programme.busy = {"r9": 2, "r10": 1}
    run(programme, file)
    assert [sorted(batch) for batch in programme.batches[1:]] == [["r10", "r9"], ["r9"]]


def test_errors_are_gone_once_nothing_is_wrong(tmp_path: Path) -> None:
    programme, file = Programme(), a_file(tmp_path, 120, 3)
    programme.refused = {"r5": (422, "invalid")}
    run(programme, file)
    assert errors_of(file)
    programme.refused = {}
    report, _ = run(programme, file)
    assert report.all_booked
    assert not Path(f"{file}.errors.ndjson").exists()


@pytest.mark.parametrize("fault", ["lost on the way", "answer lost", 500, 503, 429])
def test_a_call_that_fails_is_made_again(tmp_path: Path, fault: str | int) -> None:
    programme, file = Programme(), a_file(tmp_path, 400, 5)

    def fail(n: int, request: httpx.Request) -> httpx.Response | None:
        if n % 3:
            return None
        if isinstance(fault, int):
            return httpx.Response(fault, text="busy")
        raise httpx.ReadTimeout("late", request=request)

    if fault == "answer lost":
        programme.after = fail
    else:
        programme.before = fail
    report, _ = run(programme, file)
    assert report.all_booked
    assert len(programme.order) == 400


def test_pauses_grow_and_heed_the_server(tmp_path: Path) -> None:
    programme, file, pauses = Programme(), a_file(tmp_path, 10), list[float]()
    programme.before = lambda n, request: httpx.Response(503, headers={"Retry-After": "7"} if n == 0 else {})
    with_pauses, _ = run(programme, file, callers=1, pause=pauses.append)
    assert with_pauses.stopped
    assert pauses[0] == 7
    assert len(pauses) == TRIES - 1
    for k, pause in enumerate(pauses[1:], start=1):
        assert 0.25 * 2**k <= pause <= 0.5 * 2**k or pause == 7


def test_where_nothing_answers_the_import_stops_and_keeps_the_rest_open(tmp_path: Path) -> None:
    programme, file = Programme(), a_file(tmp_path, 2000, 40)

    def dead(n: int, request: httpx.Request) -> None:
        if n >= 5:
            raise httpx.ConnectError("refused", request=request)

    programme.before = dead
    report, _ = run(programme, file, callers=2)
    assert report.stopped == f"The programme took nothing, {TRIES} times: ConnectError refused."
    assert (report.whole.booked, report.open) == (500, 1500)
    assert programme.calls < 500
    programme.before = lambda n, request: None
    again, _ = run(programme, file)
    assert (again.whole.booked, again.earlier.answered) == (2000, 500)


def test_a_batch_too_slow_for_the_gateway_is_sent_in_smaller_parts(tmp_path: Path) -> None:
    programme, file = Programme(), a_file(tmp_path, 300, 5)

    def slow(n: int, request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(504) if len(json.loads(request.content)["operations"]) > 30 else None

    programme.before = slow
    report, _ = run(programme, file)
    assert report.all_booked


def test_one_purchase_that_breaks_the_server_keeps_few_others_waiting(tmp_path: Path) -> None:
    programme, file = Programme(), a_file(tmp_path, 400, 5)
    programme.before = lambda n, request: httpx.Response(500) if b'"r100"' in request.content else None
    report, _ = run(programme, file)
    assert 1 <= report.open <= 3
    assert report.whole.booked == 400 - report.open


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_batch_refused_as_a_whole_is_halved_down_to_its_cause(tmp_path: Path, status: int) -> None:
    programme, file = Programme(), a_file(tmp_path, 300, 5)
    problem = {"code": "invalid", "detail": "Odd."}
    programme.before = lambda n, request: httpx.Response(status, json=problem) if b'"r42"' in request.content else None
    report, _ = run(programme, file)
    assert report.whole.booked == 299
    assert [(error["line"], error["code"], error["detail"]) for error in errors_of(file)] == [(44, "invalid", "Odd.")]


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_what_will_never_go_through_is_told_at_once(tmp_path: Path, status: int) -> None:
    programme, file = Programme(), a_file(tmp_path, 300, 5)
    programme.before = lambda n, request: httpx.Response(status, json={"message": "Not so"})
    report, _ = run(programme, file, callers=1)
    assert programme.calls == 1
    assert report.stopped is not None
    assert report.stopped.startswith(f'POST /v1/batches was refused: {status} {{"message":"Not so"}}.')
    assert report.open == 300


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"results": []}, "about other purchases"),
        ({"results": [{"id": "other", "status": 201}] * 10}, "about other purchases"),
        ({"result": 1}, "cannot be read"),
    ],
)
def test_an_answer_that_is_none_books_nothing(tmp_path: Path, body: object, why: str) -> None:
    programme, file = Programme(), a_file(tmp_path, 10)
    programme.before = lambda n, request: httpx.Response(200, json=body)
    report, _ = run(programme, file)
    assert why in (report.stopped or "")
    assert report.open == 10


@pytest.fixture
def _heeds_ctrl_c() -> Iterator[None]:
    """As a command in a terminal does; who runs the tests in the background may have told them not to."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _is_in(function: Callable[..., object], thread: int) -> bool:
    """Whether a thread is running a function."""
    frame = sys._current_frames().get(thread)
    while frame is not None and frame.f_code is not function.__code__:
        frame = frame.f_back
    return frame is not None


@pytest.mark.usefixtures("_heeds_ctrl_c")
def test_ctrl_c_ends_at_once_and_the_next_run_goes_on(tmp_path: Path) -> None:
    programme, file = Programme(), a_file(tmp_path, 2000, 40)
    me = threading.main_thread().ident
    assert me is not None

    def interrupted(n: int, request: httpx.Request) -> None:
        if n == 4:
            while not _is_in(wait, me):  # all callers are at work
                time.sleep(0.001)
            signal.pthread_kill(me, signal.SIGINT)
        if n >= 4:
            time.sleep(1)  # the interrupt comes long before anybody has given up
            raise httpx.ReadTimeout("late", request=request)

    programme.before = interrupted
    programme.refused = {"r0": (422, "invalid")}
    report, told = run(programme, file, pause=None, callers=2)
    assert report.stopped == "Interrupted."
    assert report.whole.answered == 400
    assert "Run the same command again" in told
    programme.before = lambda n, request: None
    again, _ = run(programme, file)
    assert (again.earlier.answered, again.whole.answered, again.whole.repeats) == (400, 2000, 0)


def test_a_mistake_of_ours_is_not_swallowed(tmp_path: Path) -> None:
    programme, file = Programme(), a_file(tmp_path, 300, 5)

    def bug(n: int, request: httpx.Request) -> None:
        raise ZeroDivisionError

    programme.before = bug
    with pytest.raises(ZeroDivisionError):
        run(programme, file)


def test_members_are_enrolled_before_their_purchases(tmp_path: Path) -> None:
    programme, file = Programme(members=[("external_id", "m2")]), a_file(tmp_path, 700, 9)
    report, _ = run(programme, file, enrol=True)
    assert report.all_booked
    assert report.whole.enrolled == 8
    assert {key: body["external_id"] for key, body in programme.keys.items()} == {
        enrolment_key("external_id", f"m{m}"): f"m{m}" for m in range(9) if m != 2
    }
    assert programme.calls == len(programme.batches) + 9
    again, _ = run(programme, file, enrol=True)
    assert (again.whole.enrolled, again.whole.repeats) == (0, 700)


def test_members_of_what_is_done_are_not_asked_for_again(tmp_path: Path) -> None:
    programme, file = Programme(members=()), a_file(tmp_path, 300, 5)
    programme.busy = {"r200": 1000}
    run(programme, file, enrol=True)
    programme.busy, programme.calls = {}, 0
    report, _ = run(programme, file, enrol=True)
    assert report.all_booked
    assert programme.calls == 2  # of the one open batch one member was in no other


def test_a_member_that_cannot_be_enrolled_now_stops_the_import(tmp_path: Path) -> None:
    programme, file = Programme(members=()), a_file(tmp_path, 100, 4)
    programme.before = lambda n, request: httpx.Response(503) if request.url.path == "/v1/members" else None
    report, _ = run(programme, file, enrol=True)
    assert "could not be enrolled" in (report.stopped or "")
    assert (report.whole.booked, report.open) == (0, 100)
    programme.before = lambda n, request: None
    again, _ = run(programme, file, enrol=True)
    assert again.all_booked


def test_without_enrol_unknown_members_are_refused(tmp_path: Path) -> None:
    programme, file = Programme(members=[("external_id", "m0")]), a_file(tmp_path, 10, 5)
    report, _ = run(programme, file)
    assert set(programme.booked) == {"r0", "r5"}
    assert {error["code"] for error in errors_of(file)} == {"member_not_found"}
    assert not programme.keys
    assert not report.all_booked


def test_members_are_named_as_the_option_says(tmp_path: Path) -> None:
    programme, file = Programme(members=()), a_file(tmp_path, 10, 2)
    run(programme, file, enrol=True, known_by="card")
    assert programme.members == {("card", "m0"), ("card", "m1")}


def test_ndjson_goes_out_as_it_came_in(tmp_path: Path) -> None:
    body = json.loads((ROOT / "events" / "requests" / "post_purchase.json").read_text())
    body["lines"][0] |= {"discount": 5, "attributes": {"signed": True}}
    body["payments"] = [{"method": "gift-card", "amount": 500}]
    file = tmp_path / "sales.ndjson"
    file.write_text(json.dumps(body) + "\n")
    programme = Programme(members=())
    report, _ = run(programme, file, enrol=True)
    assert report.all_booked
    assert programme.members == {("card", "RC-1847-0042")}
    [sent] = programme.booked.values()
    assert PurchaseIn.model_validate(sent) == PurchaseIn.model_validate(body)


def test_a_parquet_file_is_sent_as_well(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow.csv")
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "sales.parquet"
    parquet.write_table(arrow.read_csv(a_file(tmp_path, 30, 3)), file)
    programme = Programme()
    programme.refused = {"r4": (422, "invalid")}
    run(programme, file)
    assert programme.booked["r5"]["lines"][0]["amount"] == 105
    assert [error["line"] for error in errors_of(file)] == [5]


def test_a_line_without_a_product_is_still_taken(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("receipt,member,occurred_at,paid\nr1,m1,2026-01-05,12.99\n")
    programme = Programme()
    run(programme, file)
    assert programme.booked["r1"]["lines"] == [{"id": "1", "sku": NO_SKU, "quantity": 1, "amount": 1299}]
    PurchaseIn.model_validate(programme.booked["r1"])


def with_bad_rows(folder: Path) -> Path:
    file = a_file(folder, 30, 3)
    rows = file.read_text().splitlines()
    rows[4] = "r3,m0,yesterday,100,s"
    rows[9] = "r8"
    file.write_text("\n".join([*rows, "r5,m2,2026-01-01,x,s", ""]))
    return file


def test_bad_rows_are_all_listed_and_nothing_is_sent(tmp_path: Path) -> None:
    programme, file = Programme(), with_bad_rows(tmp_path)
    with pytest.raises(ReadingError, match=r"line 5: .*\n  line 10: .*\n  line 32: ") as raised:
        run(programme, file)
    assert "--skip-bad-rows" in str(raised.value)
    assert programme.calls == 0
    assert [(error["line"], error["receipt"], error["code"]) for error in errors_of(file)] == [
        (5, "r3", "bad_row"),
        (10, "r8", "bad_row"),
        (32, "r5", "bad_row"),
    ]
    assert not journal_of(file).exists()


def test_bad_rows_may_be_skipped_with_all_of_their_receipts(tmp_path: Path) -> None:
    programme, file = Programme(), with_bad_rows(tmp_path)
    programme.refused = {"r20": (422, "invalid")}
    report, told = run(programme, file, skip_bad_rows=True)
    assert set(programme.booked) == {f"r{i}" for i in range(30)} - {"r3", "r5", "r8", "r20"}
    assert [error["line"] for error in errors_of(file)] == [5, 10, 22, 32]
    assert not report.all_booked
    assert "rows that cannot be read" in told


def test_a_receipt_with_many_lines_makes_smaller_batches(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    rows = [f"r{r},m1,2026-01-05T10:{r:02}:00,100,s\n" for r in range(30) for _ in range(300)]
    file.write_text(HEADER + "".join(rows))
    programme = Programme()
    report, _ = run(programme, file)
    assert report.all_booked
    assert [len(batch) for batch in programme.batches] == [6] * 5


def test_what_would_be_booked_with_nothing_for_ever_is_not_sent(tmp_path: Path) -> None:
    text = PROGRAM.replace("earning:\n", "purchases: {before_enrolment_days: 1}\nearning:\n")
    programme, file = Programme(members=(), text=text), tmp_path / "sales.csv"
    file.write_text(HEADER + "r1,m1,2020-01-05,100,s\n")
    with pytest.raises(ExplainedError, match="before_enrolment_days"):
        run(programme, file, enrol=True)
    assert programme.calls == 0


def test_what_will_be_refused_as_too_late_is_told(tmp_path: Path) -> None:
    text = PROGRAM.replace("earning:\n", "purchases: {accepted_late_days: 30}\nearning:\n")
    file = tmp_path / "sales.csv"
    file.write_text(HEADER + "r1,m1,2020-01-05,100,s\n")
    _, told = run(Programme(text=text), file)
    assert "1 purchases are too old" in told


def test_no_programme_is_told(tmp_path: Path) -> None:
    api = httpx.MockTransport(lambda request: httpx.Response(409, json={"code": "program_not_active"}))
    programme = Programme()
    programme.api = lambda: httpx.Client(base_url="https://example.com", transport=api)  # type: ignore[method-assign]
    with pytest.raises(ExplainedError, match="No programme is active"):
        run(programme, a_file(tmp_path, 10))


def test_the_command_fails_unless_all_is_booked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Deployed:
        client_id, api_url = "till", "https://example.com"

        def __init__(self, programme: Programme) -> None:
            self.api = programme.api()

    programme, file = Programme(members=()), a_file(tmp_path, 10)
    monkeypatch.setattr("cli.importing.command.deployed", lambda: Deployed(programme))
    refused = CliRunner().invoke(app, ["import", "purchases", str(file)], env={"COLUMNS": "200"})
    assert refused.exit_code == 1
    assert "Not all is booked." in refused.output
    booked = CliRunner().invoke(app, ["import", "purchases", str(file), "--enrol"], env={"COLUMNS": "200"})
    assert booked.exit_code == 0, booked.output
    assert "All is booked." in booked.output
    programme.before = lambda n, request: httpx.Response(403)
    stopped = CliRunner().invoke(app, ["import", "purchases", str(file), "--enrol"], env={"COLUMNS": "200"})
    assert stopped.exit_code == 1
    assert "was refused: 403" in stopped.output
