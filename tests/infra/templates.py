"""A synthesized stage, in a form that house rules can be asked of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aws_cdk import App

Properties = Mapping[str, Any]

# Who hears of alarms in the stage prod of these tests.
OPERATOR = "operator@example.com"


@dataclass(frozen=True)
class Deployment:
    """Both stacks of one stage: the construct tree and the templates by stack name."""

    stage: str
    app: App
    templates: Mapping[str, Any]

    def resources(self, kind: str) -> dict[str, Properties]:
        """Properties of every resource of a type such as `AWS::SQS::Queue`, by logical id."""
        return {name: made.get("Properties", {}) for name, made in self.declarations(kind).items()}

    def declarations(self, kind: str) -> dict[str, Properties]:
        """The same with the policies around the properties."""
        return {name: made for name, made in self._all.items() if made["Type"] == kind}

    @cached_property
    def types(self) -> set[str]:
        return {made["Type"] for made in self._all.values()}

    @cached_property
    def functions(self) -> dict[str, Properties]:
        """Every function by its name in infra/functions.py."""
        prefix = f"fidelio-{self.stage}-"
        return {
            made["FunctionName"].removeprefix(prefix): made for made in self.resources("AWS::Lambda::Function").values()
        }

    def statements(self, function: str) -> Iterator[tuple[set[str], set[str]]]:
        """Actions and resources of every statement that the role of a function holds."""
        role = self.text(self.functions[function]["Role"]).removesuffix(".Arn")
        for policy in self.resources("AWS::IAM::Policy").values():
            if role in [self.text(holder) for holder in policy["Roles"]]:
                yield from self.granted(policy["PolicyDocument"])

    def granted(self, document: Properties) -> Iterator[tuple[set[str], set[str]]]:
        """Actions and resources of every statement of a policy that allows something."""
        for statement in document["Statement"]:
            if statement["Effect"] == "Allow":
                yield set(_listed(statement["Action"])), set(self._resources(statement))

    def _resources(self, statement: Properties) -> Iterator[str]:
        """What a statement is about; what it leaves out is marked with `not`."""
        for arn in _listed(statement.get("Resource", [])):
            yield self.text(arn)
        for arn in _listed(statement.get("NotResource", [])):
            yield f"not {self.text(arn)}"

    def actions_on(self, function: str, table: str) -> set[str]:
        """What a function may do with a table or with an index, such as `{"GetItem"}`."""
        wanted = f"fidelio-{self.stage}-{table}"
        return {
            action.removeprefix("dynamodb:")
            for actions, arns in self.statements(function)
            if wanted in {self._table_name(arn) for arn in arns}
            for action in actions
        }

    def tables_granted(self, function: str) -> set[str]:
        """Physical names of the tables that the role of a function reaches, itself or through an index."""
        return {
            name.partition("/")[0]
            for _, arns in self.statements(function)
            for name in map(self._table_name, arns)
            if name is not None
        }

    def text(self, value: Any) -> str:
        """A value with its references written out: `Queue1.Arn`, `Table2.Arn/index/by_member`."""
        match value:
            case str():
                return value
            case {"Ref": name}:
                return str(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return f"{name}.{attribute}"
            case {"Fn::ImportValue": name}:
                return self._exports[name]
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(self.text(part) for part in parts)
        raise AssertionError(f"not a reference we use: {value}")

    def _table_name(self, arn: str) -> str | None:
        table, _, rest = arn.partition(".Arn")
        made = self.resources("AWS::DynamoDB::Table").get(table)
        return made["TableName"] + rest if made and ".Arn" in arn else None

    @cached_property
    def _all(self) -> dict[str, Properties]:
        return {name: made for template in self.templates.values() for name, made in template["Resources"].items()}

    @cached_property
    def _exports(self) -> dict[str, str]:
        outputs = [made for template in self.templates.values() for made in template["Outputs"].values()]
        return {made["Export"]["Name"]: self.text(made["Value"]) for made in outputs if "Export" in made}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
