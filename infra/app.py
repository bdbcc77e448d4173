"""The CDK app: `cdk deploy --all -c stage=dev`.

Context: `stage` (local, dev, prod); `partners` (names of the systems that call, each with a client id and so a receipt
namespace of its own, or `{"till": ["earning.write", …]}` with the scopes that each may have); `receipt_namespaces`
(partners and sources of events that number their receipts together: `{"stores": ["till", "e-receipts"]}`); `sender`
(address mails come from); `alarm_email` (who hears of alarms).
"""

import os

from aws_cdk import App, Environment, Tags
from aws_cdk import aws_lambda as lambda_

from infra.data_stack import DataStack
from infra.identity import Partners
from infra.packaging import lambda_code
from infra.service_stack import ServiceStack
from infra.stage import Stage, stage_named


def build(app: App, stage: Stage, code: lambda_.Code) -> tuple[DataStack, ServiceStack]:
    """Add both stacks of `stage` to `app`; every function runs `code`."""
    env = _environment()
    data = DataStack(app, stage, env, partners=_partners(app.node.get_context("partners")))
    service = ServiceStack(
        app,
        stage,
        env,
        data=data,
        code=code,
        sender=app.node.get_context("sender"),
        receipt_namespaces=app.node.try_get_context("receipt_namespaces") or {},
        alarm_email=app.node.try_get_context("alarm_email"),
    )
    Tags.of(app).add("application", "fidelio")
    Tags.of(app).add("stage", stage.name)
    return data, service


def _partners(given: str | Partners) -> Partners:
    """Names alone, separated by commas, or the scopes of each by its name."""
    return dict.fromkeys(given.split(",")) if isinstance(given, str) else given


def _environment() -> Environment | None:
    """The account the CDK CLI found credentials for; without any, templates that fit every account."""
    account, region = os.environ.get("CDK_DEFAULT_ACCOUNT"), os.environ.get("CDK_DEFAULT_REGION")
    return Environment(account=account, region=region) if account and region else None


def main() -> None:
    app = App()
    stage = stage_named(app.node.try_get_context("stage"))
    build(app, stage, lambda_code(stage.name))
    app.synth()


if __name__ == "__main__":
    main()
