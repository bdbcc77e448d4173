"""What an import needs to know of a file beyond its purchases: lines, identities, and rows that cannot be read."""

import json
from pathlib import Path

import pytest

from cli.purchases.reading import Reading, digest, read
from cli.purchases.receipts import ReadingError
from functions.program.document import read as read_program

PROGRAM = read_program((Path(__file__).parents[2] / "programs" / "record-shop.yaml").read_text())
HEADER = "receipt,member,occurred_at,amount,sku\n"


def reading(tmp_path: Path, text: str, name: str = "sales.csv") -> Reading:
    path = tmp_path / name
    path.write_text(text)
    return read(str(path), PROGRAM)


def a_body(id: str, **member: str) -> str:
    line = {"id": "1", "sku": "s", "quantity": 1, "amount": 100}
    return json.dumps(
        {"id": id, "member": member, "occurred_at": "2026-01-05T10:00:00Z", "currency": "USD", "lines": [line]}
    )


def test_a_purchase_knows_the_line_where_it_begins(tmp_path: Path) -> None:
    text = HEADER + 'r1,ann,2026-01-05,100,"two\nlines"\n\nr1,ann,2026-01-05,100,b\nr2,bob,2026-01-05,100,c\n'
    purchases, bad = reading(tmp_path, text)
    assert not bad.rows
    assert [purchases.row_of(i) for i in range(2)] == [2, 6]


def test_a_receipt_with_a_bad_row_is_left_out_as_a_whole(tmp_path: Path) -> None:
    rows = "r1,ann,2026-01-05,100,a\nr1,ann,2026-01-05,x,b\nr2,bob,2026-01-05,100,c\nr1,ann,2026-01-05,100,d\n"
    purchases, bad = reading(tmp_path, HEADER + rows)
    assert purchases.receipts == ["r2"]
    assert [(row.line, row.receipt, row.member) for row in bad.rows] == [(3, "r1", "ann")]


def test_a_receipt_of_two_members_is_left_out(tmp_path: Path) -> None:
    purchases, bad = reading(tmp_path, HEADER + "r1,ann,2026-01-05,100,a\nr1,bob,2026-01-05,100,b\n")
    assert not purchases.receipts
    assert [(row.line, row.receipt, row.member) for row in bad.rows] == [(3, "r1", "bob")]


def test_a_row_that_is_cut_off_spoils_the_receipt_it_names(tmp_path: Path) -> None:
    purchases, bad = reading(tmp_path, HEADER + "r1,ann,2026-01-05,100,a\nr1\n,\n")
    assert not purchases.receipts
    assert [(row.line, row.receipt, row.member) for row in bad.rows] == [(3, "r1", None), (4, None, None)]


def test_ndjson_tells_what_names_the_member(tmp_path: Path) -> None:
    lines = [a_body("r1", external_id="ann"), "", a_body("r2", card="RC-1815"), a_body("r3", email="ann@example.com")]
    purchases, _ = reading(tmp_path, "\n".join(lines), "sales.ndjson")
    named = [(purchases.row_of(i), purchases.identity_of(i)) for i in range(3)]
    assert named == [(1, "external_id"), (3, "card"), (4, "email")]


def test_of_two_lines_with_one_receipt_the_first_counts(tmp_path: Path) -> None:
    text = "\n".join([a_body("r1", external_id="ann"), a_body("r1", external_id="bob"), "{", '{"id": "r9"}'])
    purchases, bad = reading(tmp_path, text, "sales.ndjson")
    assert purchases.members == ["ann"]
    assert {(row.line, row.receipt) for row in bad.rows} == {(2, "r1"), (3, None), (4, "r9")}


def test_a_mark_of_byte_order_is_no_mistake(tmp_path: Path) -> None:
    assert not reading(tmp_path, "\ufeff" + a_body("r1", external_id="ann"), "sales.ndjson").bad.rows


def test_a_quote_that_is_never_closed_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReadingError, match="a quote is not closed"):
        reading(tmp_path, HEADER + 'r1,ann,2026-01-05,100,"' + "x" * 200_000)


def test_the_digest_follows_the_content(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("a")
    before = digest(str(file))
    file.write_text("a")
    assert digest(str(file)) == before
    file.write_text("b")
    assert digest(str(file)) != before
