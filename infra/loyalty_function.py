"""The one way a function is deployed: code, role, log group, environment and alarms."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack, Tags
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ses as ses
from constructs import Construct

from infra.alarms import FIVE_MINUTES, Alarms, Symptom
from infra.functions import SANDBOX_TIMEOUT, STARTED_BY_A_SANDBOX, TIMEOUTS, FunctionSpec, Right
from infra.nag import accept
from infra.stage import Stage

METRICS = "Fidelio"
"""Namespace of the metrics that functions write to their logs."""


@dataclass(frozen=True, slots=True)
class House:
    """What the functions of one stage share. `sender`: address mails come from, `mail`: its SES identity.
    `returned`: what SES tells of mails that come back. `supplier_secret`: signs calls to suppliers. `links_secret`:
    makes the links in mails, which lead to `api_url`. `webhook_secret`: the secrets of webhooks are made from it.
    `receipt_namespaces`: by client id or bus source, where several number their receipts together."""

    stage: Stage
    code: lambda_.Code
    tables: Mapping[str, dynamodb.Table]
    bus: events.EventBus
    sender: str
    mail: ses.EmailIdentity
    returned: ses.ConfigurationSet
    alarms: Alarms
    supplier_secret: secretsmanager.Secret
    links_secret: secretsmanager.Secret
    api_url: str
    webhook_secret: secretsmanager.Secret
    receipt_namespaces: Mapping[str, str]


class LoyaltyFunction(Construct):
    """A function of the table in functions.py; its role holds what its line grants and no more."""

    def __init__(self, scope: Construct, construct_id: str, house: House, spec: FunctionSpec) -> None:
        super().__init__(scope, construct_id)
        self._name = house.stage.name_of(spec.name)
        self.function = self._function(house, spec)
        accept(
            self.function,
            "AwsSolutions-L1",
            "Built, tested and measured on Python 3.13, which Lambda supports; a newer one is chosen, not drifted to.",
        )
        Tags.of(self).add("room", spec.room)
        self._watch(house.alarms, spec)

    def _function(self, house: House, spec: FunctionSpec) -> lambda_.Function:
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{self._name}",
            retention=house.stage.log_retention,
            # Goes with its function: left behind, it would block the name. What must be kept is in tables.
            removal_policy=RemovalPolicy.DESTROY,
        )
        return lambda_.Function(
            self,
            "Function",
            function_name=self._name,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=house.stage.architecture,
            code=house.code,
            handler=spec.handler,
            memory_size=512,
            timeout=Duration.seconds(SANDBOX_TIMEOUT if spec.sandbox else TIMEOUTS[type(spec.trigger)]),
            role=self._role(house, spec, log_group),
            log_group=log_group,
            environment=dict(_environment(house, spec)),
        )

    def _role(self, house: House, spec: FunctionSpec, log_group: logs.LogGroup) -> iam.Role:
        """No AWS managed policy: the usual one for logs may write to every log group of the account."""
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        for statement in _statements(house, spec):
            role.add_to_policy(statement)
        return role

    def _watch(self, alarms: Alarms, spec: FunctionSpec) -> None:
        # The functions answer or park whatever partners get wrong, so a single error is ours to look at.
        alarms.watch(
            self,
            Symptom(
                spec.name,
                "errors",
                self.function.metric_errors(period=FIVE_MINUTES, statistic="Sum"),
                f"{self._name} failed: read its log group.",
            ),
        )
        alarms.watch(
            self,
            Symptom(
                spec.name,
                "throttles",
                self.function.metric_throttles(period=FIVE_MINUTES, statistic="Sum"),
                f"{self._name} was refused a start: the account's limit of concurrent functions is reached.",
            ),
        )


def _statements(house: House, spec: FunctionSpec) -> Iterator[iam.PolicyStatement]:
    for path, actions in spec.tables.items():
        yield iam.PolicyStatement(
            actions=[f"dynamodb:{action}" for action in actions], resources=[_table_or_index_arn(house, path)]
        )
    if Right.PUBLISH in spec.rights:
        yield iam.PolicyStatement(actions=["events:PutEvents"], resources=[house.bus.event_bus_arn])
    if Right.MAIL in spec.rights:
        told = Stack.of(house.bus).format_arn(
            service="ses", resource="configuration-set", resource_name=house.stage.name_of("mail")
        )
        yield iam.PolicyStatement(actions=["ses:SendEmail"], resources=[house.mail.email_identity_arn, told])
    if Right.TEXT in spec.rights:
        # A telephone number is no resource that could be named; a topic is, and is not meant.
        yield iam.PolicyStatement(actions=["sns:Publish"], not_resources=["arn:*:sns:*:*:*"])
    if Right.LINK in spec.rights:
        yield iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[house.links_secret.secret_arn])
    if Right.START in spec.rights:
        stack = Stack.of(house.bus)
        names = map(house.stage.name_of, STARTED_BY_A_SANDBOX)
        arns = [
            stack.format_arn(
                service="lambda", resource="function", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
            )
            for name in names
        ]
        yield iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=arns)
    if house.stage.sandbox and "program" not in spec.granted_tables:
        # Where the time of the sandbox is.
        yield iam.PolicyStatement(actions=["dynamodb:GetItem"], resources=[_table_or_index_arn(house, "program")])
    for right, secret in ((Right.SIGN, house.supplier_secret), (Right.WEBHOOK_SECRETS, house.webhook_secret)):
        if right in spec.rights:
            yield iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret.secret_arn])


def _table_or_index_arn(house: House, path: str) -> str:
    """ARN for a path such as `entries` or `entries/index/by_member`."""
    table, slash, index = path.partition("/")
    return f"{house.tables[table].table_arn}{slash}{index}"


def _environment(house: House, spec: FunctionSpec) -> Iterator[tuple[str, str]]:
    """The variables of what the function was granted: the name of anything else is of no use to it."""
    yield "LOG_LEVEL", "INFO"
    # Lambda's own value, `:UTC`, is one that date libraries have tripped over.
    yield "TZ", "UTC"
    yield "POWERTOOLS_SERVICE_NAME", spec.room
    yield "POWERTOOLS_METRICS_NAMESPACE", METRICS
    if house.stage.sandbox:
        yield "SANDBOX", "yes"
    for table in dict.fromkeys([*spec.granted_tables, *(["program"] if house.stage.sandbox else [])]):
        yield f"{table.upper()}_TABLE", house.tables[table].table_name
    yield from _of_rights(house, spec)
    if spec.room == "accrual" and house.receipt_namespaces:
        yield "RECEIPT_NAMESPACES", Stack.of(house.bus).to_json_string(dict(house.receipt_namespaces))


def _of_rights(house: House, spec: FunctionSpec) -> Iterator[tuple[str, str]]:
    """The variables of what a function may do besides reading and writing tables."""
    if Right.PUBLISH in spec.rights:
        yield "BUS_NAME", house.bus.event_bus_name
    if Right.MAIL in spec.rights:
        yield "SENDER", house.sender
        yield "CONFIGURATION_SET", house.stage.name_of("mail")
    if Right.LINK in spec.rights:
        yield "LINKS_SECRET", house.stage.links_secret
        yield "API_URL", house.api_url
    if Right.START in spec.rights:
        yield "SCHEDULED_FUNCTIONS", " ".join(map(house.stage.name_of, STARTED_BY_A_SANDBOX))
    if Right.SIGN in spec.rights:
        # Its own name, not one cut out of its ARN: the emulator has only the name there.
        yield "SUPPLIER_SECRET", house.stage.suppliers_secret
    if Right.WEBHOOK_SECRETS in spec.rights:
        yield "WEBHOOK_SECRET", house.stage.webhooks_secret
    if house.stage.local_endpoints and {Right.SIGN, Right.WEBHOOK_SECRETS} & set(spec.rights):
        yield "LOCAL_ENDPOINTS", "yes"
