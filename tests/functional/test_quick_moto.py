"""What moto answers is the same with and without its detour."""

from typing import Any

import pytest
from moto.core.serialize import BaseJSONSerializer

from tests.functional import quick_moto
from tests.functional.conftest import Service, aws_client

ITEM: dict[str, Any] = {
    "key": {"S": "every type"},
    "S": {"S": ""},
    "N": {"N": "1.50"},
    "B": {"B": b"bytes"},
    "SS": {"SS": ["a", "b"]},
    "NS": {"NS": ["1", "2"]},
    "BS": {"BS": [b"a", b"b"]},
    "NULL": {"NULL": True},
    "BOOL": {"BOOL": False},
    "L": {"L": [{"N": "1"}, {"L": []}, {"M": {"S": {"NULL": True}}}]},
    "M": {"M": {"M": {"M": {}}, "L": {"L": [{"S": "x"}, {"B": b"deep"}]}, "attribute_value": {"BOOL": True}}},
}


def test_an_item_of_every_type_is_answered_as_ever(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    dynamodb = aws_client("dynamodb")
    dynamodb.put_item(TableName="rewards", Item=ITEM)

    def answers() -> list[Any]:
        return [
            dynamodb.get_item(TableName="rewards", Key={"key": ITEM["key"]})["Item"],
            dynamodb.scan(TableName="rewards")["Items"],
            dynamodb.scan(TableName="entries")["Items"],
            dynamodb.scan(TableName="program")["Items"],
        ]

    quick = answers()
    monkeypatch.setattr(BaseJSONSerializer, "_serialize_type_structure", quick_moto._slowly)
    slow = answers()
    dynamodb.delete_item(TableName="rewards", Key={"key": ITEM["key"]})

    assert quick == slow
    assert quick[0] == ITEM
