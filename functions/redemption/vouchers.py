"""Vouchers in the tables: found by what was typed, used once per operation id; guessing is limited.

G#<source>    codes of nobody that a source asked for lately; it goes by itself
"""

from datetime import datetime, timedelta

from functions.ledger import committing
from functions.ledger import store as ledger
from functions.ledger.account import Account, Operation, Posting
from functions.ledger.answering import Committed
from functions.ledger.committing import Request
from functions.ledger.identity import Identity
from functions.ledger.rewards import Voucher
from functions.ledger.vouchers import normal_code
from functions.program import store as programs
from functions.program.periods import day_in
from functions.redemption.contract import VoucherPictureOut, VoucherStateOut, VoucherUseIn
from functions.redemption.using import decide_use
from functions.runtime import clock, tables
from functions.runtime.errors import TooManyGuessesError, VoucherNotFoundError
from functions.runtime.observability import logger
from functions.runtime.validation import payload_hash

MOST_GUESSES = 20
WINDOW = timedelta(minutes=10)


def find(typed: str, source: str) -> VoucherStateOut:
    """The voucher of a code as a person may have typed it. Raises VoucherNotFoundError, TooManyGuessesError."""
    found = _find(typed, source)
    program = programs.of_version(found.version)
    return VoucherStateOut.on(found, program, day_in(clock.now(), program.zone))


def picture(typed: str, source: str) -> VoucherPictureOut:
    """Raises as `find`."""
    import segno  # not at the top: only this needs it

    code = _code(_find(typed, source))
    return VoucherPictureOut(code=code, qr_svg=segno.make_qr(code, error="m").svg_inline(scale=4))


def use(typed: str, received: VoucherUseIn, source: str, key: str, correlation_id: str) -> Committed:
    """Let a voucher pay a part of a purchase, once. Raises VoucherNotFoundError, TooManyGuessesError, and the errors of
    `ledger.store.commit` and of `decide_use`."""
    found = _find(typed, source)
    code, first_look = _code(found), [found]

    def decide(_account: Account, now: datetime) -> Posting:
        # The first time, what was just read will do: were it stale, the commit would fail on it.
        voucher = first_look.pop() if first_look else ledger.find_voucher(code, consistent=True)
        assert voucher
        return decide_use(voucher, received.basket(), programs.of_version(voucher.version), now)

    operation = Operation("use", source, key, payload_hash(received, of=code), correlation_id)
    return committing.commit(Request(operation, Identity("id", found.member), decide))


def _code(found: Voucher) -> str:
    assert found.reward.code
    return found.reward.code


def _find(typed: str, source: str) -> Voucher:
    code = normal_code(typed)
    if code is None:
        # Its check character is wrong: a person mistyped it, nobody guesses like that.
        raise VoucherNotFoundError("No voucher has this code: it is mistyped.")
    now = clock.now()
    _check_guesses(source, now)
    found = ledger.find_voucher(code) or ledger.find_voucher(code, consistent=True)
    if found is None:
        _note_guess(source, now)
        raise VoucherNotFoundError("No voucher has this code.")
    return found


def _check_guesses(source: str, now: datetime) -> None:
    noted = tables.get("rewards", {"key": f"G#{source}"})
    if noted and noted["guesses"] >= MOST_GUESSES and now < clock.from_text(noted["until"]):
        wait = int((clock.from_text(noted["until"]) - now).total_seconds()) + 1
        raise TooManyGuessesError("Too many codes were nobody's. Wait, and look at who asks.", retry_after=wait)


def _note_guess(source: str, now: datetime) -> None:
    """Count a code that is nobody's, in a window that begins with the first of them."""
    key, until = {"key": f"G#{source}"}, now + WINDOW
    values = {"one": 1, "now": clock.to_text(now)}
    if not tables.update("rewards", key, "ADD #guesses :one", "#until > :now", values):
        first = {"guesses": 1, "until": clock.to_text(until), "expires_at": int(until.timestamp())}
        tables.put("rewards", key | first)
    from aws_lambda_powertools.metrics import MetricUnit, single_metric  # not at the top: few guess

    with single_metric(name="VoucherCodesGuessed", unit=MetricUnit.Count, value=1):
        logger.warning("voucher_code_guessed", caller=source)
