"""Every table, once: the CDK app deploys them, the functional tests create them in moto from the same lines.

No aws_cdk in here, so that a test of a handler does not load it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import CreateTableInputTypeDef, KeySchemaElementTypeDef

KeyType = Literal["S", "N"]


@dataclass(frozen=True, slots=True)
class Key:
    """An attribute that is part of a key: `S` text, `N` number."""

    name: str
    type: KeyType = "S"


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index with every attribute in it, or with keys only."""

    name: str
    partition: Key
    sort: Key
    keys_only: bool = False

    @property
    def projection(self) -> Literal["ALL", "KEYS_ONLY"]:
        return "KEYS_ONLY" if self.keys_only else "ALL"


@dataclass(frozen=True, slots=True)
class Table:
    """A table on demand. `expires`: attribute with the epoch second after which DynamoDB deletes an item.

    `stream`: changes are published with the old and the new item.
    """

    name: str
    partition: Key
    sort: Key | None = None
    indexes: tuple[Index, ...] = ()
    expires: str | None = None
    stream: bool = False


BY_MEMBER = Index("by_member", Key("member"), Key("n", "N"))
# Only returns that wait for their purchase, and holds, have these attributes: all else costs nothing more.
AWAITED = Index("awaited", Key("awaited"), Key("report_at"))

# Only an account for which time has something to do has these: when that is changes seldom, and so does the index.
DUE = Index("due", Key("due"), Key("due_on"), keys_only=True)

# Only what has not gone out yet has these: the index is empty while all goes well.
WAITING = Index("waiting", Key("waiting"), Key("due_at"), keys_only=True)

# Only vouchers that end, until somebody was told that they have.
ENDING = Index("ending", Key("ends"), Key("ends_on"), keys_only=True)

MEMBERS = Table("members", Key("key"))
ACCOUNTS = Table("accounts", Key("member"), Key("part"), indexes=(DUE,), stream=True)
ENTRIES = Table("entries", Key("operation"), indexes=(BY_MEMBER, AWAITED))
# Only what is noted of codes that were guessed goes by itself; vouchers, budgets and stock stay.
REWARDS = Table("rewards", Key("key"), indexes=(ENDING,), expires="expires_at")
PROGRAM = Table("program", Key("part"), Key("version", "N"))
# Points never expire this way (DynamoDB may be days late); a message in the inbox may.
MESSAGES = Table("messages", Key("member"), Key("message"), indexes=(WAITING,), expires="expires_at")
# Where partners want events, and what was sent there: who it was delivered to may look it up for a while.
WEBHOOKS = Table("webhooks", Key("webhook"), Key("part"), indexes=(WAITING,), expires="expires_at")
FEED = Table("feed", Key("day"), Key("at"), expires="expires_at")

TABLES = (MEMBERS, ACCOUNTS, ENTRIES, REWARDS, PROGRAM, MESSAGES, WEBHOOKS, FEED)


def physical_name(stage: str, table: Table) -> str:
    """Name of the deployed table, such as `fidelio-dev-members`."""
    return f"fidelio-{stage}-{table.name}"


def create_table_request(table: Table, name: str) -> "CreateTableInputTypeDef":
    """What boto3's `create_table(**request)` needs to make `table` as `name`. It cannot carry the expiry."""
    keys = [table.partition, *([table.sort] if table.sort else [])]
    indexed = [key for index in table.indexes for key in (index.partition, index.sort)]
    request: CreateTableInputTypeDef = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": key.name, "AttributeType": key.type} for key in dict.fromkeys([*keys, *indexed])
        ],
        "KeySchema": _key_schema(keys),
    }
    if table.indexes:
        request["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index.name,
                "KeySchema": _key_schema([index.partition, index.sort]),
                "Projection": {"ProjectionType": index.projection},
            }
            for index in table.indexes
        ]
    if table.stream:
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    return request


def _key_schema(keys: list[Key]) -> "list[KeySchemaElementTypeDef]":
    partition, *sort = keys
    schema: list[KeySchemaElementTypeDef] = [{"AttributeName": partition.name, "KeyType": "HASH"}]
    schema += [{"AttributeName": key.name, "KeyType": "RANGE"} for key in sort]
    return schema
