"""The stages as a whole: what they publish about themselves, and what the public checkers say of them."""

import json
import string
from typing import Any

import pytest
from cdk_nag import AwsSolutionsChecks
from cfnlint import ManualArgs, lint  # type: ignore[import-untyped]

from functions.redemption.vouchers import MOST_GUESSES
from infra.stage import UnknownStageError, stage_named
from infra.tables import TABLES
from tests.infra.templates import OPERATOR, Deployment

CFN_LINT = ManualArgs(
    regions=["eu-west-1"],
    ignore_checks=[
        "W3005",  # the CDK writes every dependency out, also one that a reference implies
        "W6001",  # the service repeats the identities of the data stack, so that partners look in one place
    ],
)


def test_cdk_nag_finds_nothing_that_is_not_explained(deployment: Deployment) -> None:
    report = AwsSolutionsChecks().validate_scope(deployment.app)
    findings = [
        f"{violation.rule_name} at {resource.construct_path}: {violation.description}"
        for violation in report.violations
        for resource in violation.violating_resources
    ]
    assert findings == []


def test_cfn_lint_finds_nothing(deployment: Deployment) -> None:
    for name, template in deployment.templates.items():
        findings = lint(json.dumps(template), config=CFN_LINT)
        assert [str(finding) for finding in findings] == [], name


def test_the_service_says_what_a_partner_needs_to_know(deployment: Deployment) -> None:
    outputs = set(deployment.templates[f"fidelio-{deployment.stage}-service"]["Outputs"])
    assert outputs == {"ApiUrl", "ApiId", "UserPoolId", "ClientIds", "TokenUrl", "BusName", "SupplierSecret", "Scopes"}


def test_the_data_stack_says_how_its_tables_are_called(deployment: Deployment) -> None:
    outputs = deployment.templates[f"fidelio-{deployment.stage}-data"]["Outputs"]
    names = {f"{table.name.capitalize()}Table" for table in TABLES}
    assert {name for name, made in outputs.items() if "Export" not in made} == names


def test_the_operator_is_told_of_alarms_by_mail_if_there_is_one(prod: Deployment, local: Deployment) -> None:
    (subscription,) = prod.resources("AWS::SNS::Subscription").values()
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", OPERATOR)
    assert local.resources("AWS::SNS::Subscription") == {}


def test_cloudwatch_may_publish_to_the_alarm_topic(deployment: Deployment) -> None:
    (policy,) = deployment.resources("AWS::SNS::TopicPolicy").values()
    assert [
        statement["Principal"] for statement in policy["PolicyDocument"]["Statement"] if statement["Effect"] == "Allow"
    ] == [{"Service": "cloudwatch.amazonaws.com"}]


def test_the_sweep_runs_every_hour_in_the_cloud_and_every_minute_locally(deployment: Deployment) -> None:
    assert when(deployment, "ledger-every-hour") == (
        "rate(1 minute)" if deployment.stage == "local" else "rate(1 hour)"
    )


def test_the_books_are_proved_every_night_in_the_cloud_and_every_ten_minutes_locally(deployment: Deployment) -> None:
    assert when(deployment, "ledger-every-night") == (
        "rate(10 minutes)" if deployment.stage == "local" else "cron(15 3 * * ? *)"
    )


def test_holds_end_within_a_minute_everywhere(deployment: Deployment) -> None:
    assert when(deployment, "redemption-every-minute") == "rate(1 minute)"


def when(deployment: Deployment, function: str) -> Any:
    schedules = deployment.resources("AWS::Scheduler::Schedule").values()
    (found,) = [one for one in schedules if one["Name"].endswith(function)]
    return found["ScheduleExpression"]


def test_an_account_that_drifts_raises_an_alarm(deployment: Deployment) -> None:
    alarms = deployment.resources("AWS::CloudWatch::Alarm").values()
    (alarm,) = [one for one in alarms if one.get("MetricName") == "AccountsInDrift"]
    assert (alarm["Namespace"], alarm["Threshold"]) == ("Fidelio", 1)
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "ledger"}]


def test_guessing_of_voucher_codes_raises_an_alarm_where_one_caller_would_be_stopped(deployment: Deployment) -> None:
    alarms = deployment.resources("AWS::CloudWatch::Alarm").values()
    (alarm,) = [one for one in alarms if one.get("MetricName") == "VoucherCodesGuessed"]
    assert (alarm["Namespace"], alarm["Statistic"], alarm["Period"]) == ("Fidelio", "Sum", 300)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", MOST_GUESSES)
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "redemption"}]
    variables = deployment.functions["redemption-api"]["Environment"]["Variables"]
    assert (variables["POWERTOOLS_METRICS_NAMESPACE"], variables["POWERTOOLS_SERVICE_NAME"]) == (
        "Fidelio",
        "redemption",
    )


def test_the_secrets_that_are_signed_with_are_made_by_the_stack_and_known_to_nobody(deployment: Deployment) -> None:
    secrets = deployment.resources("AWS::SecretsManager::Secret").values()
    assert {one["Name"] for one in secrets} == {
        f"fidelio-{deployment.stage}-{name}" for name in ("suppliers", "links", "webhooks")
    }
    for made in secrets:
        how = made["GenerateSecretString"]
        assert (how["PasswordLength"], how["ExcludePunctuation"]) == (44, True)
        assert set(how["ExcludeCharacters"]) == set(string.punctuation)
        assert "SecretString" not in made


def test_links_in_mails_lead_to_the_api_of_the_stage(deployment: Deployment) -> None:
    [api] = deployment.resources("AWS::ApiGatewayV2::Api")
    leading = {
        name: deployment.text(made["Environment"]["Variables"]["API_URL"])
        for name, made in deployment.functions.items()
        if "API_URL" in made["Environment"]["Variables"]
    }
    assert set(leading) == {"enrolment-links-api", "notifications-on-email-due"}
    for url in leading.values():
        assert url.startswith(f"https://{api}.execute-api."), url
        assert url.endswith("/"), url


def test_mails_that_come_back_are_told_to_the_bus_of_the_account(deployment: Deployment) -> None:
    [told] = deployment.resources("AWS::SES::ConfigurationSetEventDestination").values()
    [mails] = deployment.resources("AWS::SES::ConfigurationSet").values()
    assert mails["Name"] == f"fidelio-{deployment.stage}-mail"
    destination = told["EventDestination"]
    assert sorted(destination["MatchingEventTypes"]) == ["bounce", "complaint"]
    assert deployment.text(destination["EventBridgeDestination"]["EventBusArn"]).endswith(":event-bus/default")


def test_a_delivery_that_is_given_up_raises_an_alarm(deployment: Deployment) -> None:
    alarms = deployment.resources("AWS::CloudWatch::Alarm").values()
    (alarm,) = [one for one in alarms if one.get("MetricName") == "DeliveriesParked"]
    assert (alarm["Namespace"], alarm["Statistic"], alarm["Threshold"]) == ("Fidelio", "Sum", 1)
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "webhooks"}]
    variables = deployment.functions["webhooks-on-deliveries-due"]["Environment"]["Variables"]
    assert (variables["POWERTOOLS_METRICS_NAMESPACE"], variables["POWERTOOLS_SERVICE_NAME"]) == ("Fidelio", "webhooks")


def test_what_waits_for_partners_is_looked_for_every_minute(deployment: Deployment) -> None:
    assert when(deployment, "webhooks-every-minute") == "rate(1 minute)"


@pytest.mark.parametrize("name", ["staging", "", None])
def test_an_unknown_stage_is_refused_with_the_ones_there_are(name: str | None) -> None:
    with pytest.raises(UnknownStageError, match=r"-c stage=local\|dev\|prod"):
        stage_named(name)
