"""What must outlive every deployment: the tables, and the partners' identities."""

import string
from collections.abc import Mapping

from aws_cdk import App, CfnOutput, Environment, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra import tables
from infra.contract import operations, scopes
from infra.identity import Identity, Partners
from infra.nag import accept
from infra.stage import Stage

_TYPES = {"S": dynamodb.AttributeType.STRING, "N": dynamodb.AttributeType.NUMBER}


class DataStack(Stack):
    """`fidelio-<stage>-data`."""

    def __init__(self, app: App, stage: Stage, env: Environment | None, partners: Partners) -> None:
        super().__init__(
            app,
            stage.name_of("data"),
            env=env,
            description="Fidelio: tables and partner identities",
            termination_protection=stage.protected,
        )
        self.tables = Tables(self, "Tables", stage).by_name
        self.identity = Identity(self, "Identity", stage=stage, scopes=scopes(operations()), partners=partners)
        self.supplier_secret = self._secret(
            stage,
            "SupplierSecret",
            stage.suppliers_secret,
            "Signs the calls to suppliers of rewards",
            "Suppliers verify with it: a new one must be agreed on with them first.",
        )
        self.links_secret = self._secret(
            stage,
            "LinksSecret",
            stage.links_secret,
            "Makes the links in mails that nobody else can make",
            "A new one would break the links in mails that have gone out.",
        )
        self.webhook_secret = self._secret(
            stage,
            "WebhookSecret",
            stage.webhooks_secret,
            "What the secrets of webhooks are made from",
            "Every partner's secret follows from it: each is rotated by itself.",
        )
        for name, table in self.tables.items():
            CfnOutput(self, f"{name.capitalize()}Table", value=table.table_name)

    def _secret(
        self, stage: Stage, construct_id: str, name: str, description: str, why_kept: str
    ) -> secretsmanager.Secret:
        """Letters and digits, a multiple of four of them: base64, as Standard Webhooks wants a secret.

        What is left out is said twice: the local stack knows only the second.
        """
        secret = secretsmanager.Secret(
            self,
            construct_id,
            secret_name=name,
            description=description,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=44, exclude_punctuation=True, exclude_characters=string.punctuation
            ),
            removal_policy=stage.removal_policy,
        )
        accept(secret, "AwsSolutions-SMG4", why_kept)
        return secret


class Tables(Construct):
    """Every table of infra/tables.py."""

    def __init__(self, scope: Construct, construct_id: str, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.by_name: Mapping[str, dynamodb.Table] = {table.name: self._table(stage, table) for table in tables.TABLES}

    def _table(self, stage: Stage, table: tables.Table) -> dynamodb.Table:
        made = dynamodb.Table(
            self,
            table.name.capitalize(),
            table_name=tables.physical_name(stage.name, table),
            partition_key=_attribute(table.partition),
            sort_key=_attribute(table.sort) if table.sort else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=stage.protected,
            removal_policy=stage.removal_policy,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if table.stream else None,
            time_to_live_attribute=table.expires,
        )
        for index in table.indexes:
            made.add_global_secondary_index(
                index_name=index.name,
                partition_key=_attribute(index.partition),
                sort_key=_attribute(index.sort),
                projection_type=dynamodb.ProjectionType[index.projection],
            )
        return made


def _attribute(key: tables.Key) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=key.name, type=_TYPES[key.type])
