"""What must be true of every function, queue, alarm and role, today's and tomorrow's, in every stage."""

import json
from typing import Any

import pytest

from functions.webhooks.endpoint import MOST_ENDPOINTS
from infra.functions import FUNCTIONS
from tests.infra.templates import Deployment

# Read in the emulator's answers: a template with one of these is refused as a whole.
UNKNOWN_TO_THE_EMULATOR = {
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Events::ApiDestination",
    "AWS::Events::Archive",
    "AWS::Events::Connection",
    "AWS::Events::EventBusPolicy",
    "AWS::Logs::QueryDefinition",
    "AWS::WAFv2::WebACLAssociation",
    "AWS::XRay::Group",
}

TELEPHONES = "not arn:*:sns:*:*:*"
"""A telephone number is no resource that could be named: whatever is no topic."""


def test_every_function_is_deployed_and_no_other(deployment: Deployment) -> None:
    there = {spec.name for spec in FUNCTIONS if not (spec.sandbox and deployment.stage == "prod")}
    assert set(deployment.functions) == there


def test_every_function_runs_on_graviton_in_the_cloud_and_on_this_machine_locally(deployment: Deployment) -> None:
    expected = ["x86_64"] if deployment.stage == "local" else ["arm64"]
    for name, function in deployment.functions.items():
        assert (name, function["Architectures"]) == (name, expected)


def test_every_function_has_a_log_group_of_its_own_that_forgets(deployment: Deployment) -> None:
    days = {"local": 7, "dev": 14, "prod": 180}[deployment.stage]
    groups = deployment.resources("AWS::Logs::LogGroup")
    used = [deployment.text(made["LoggingConfig"]["LogGroup"]) for made in deployment.functions.values()]
    assert len(set(used)) == len(deployment.functions)
    assert {groups[name]["RetentionInDays"] for name in used} == {days}


def test_every_log_group_forgets(deployment: Deployment) -> None:
    for name, group in deployment.resources("AWS::Logs::LogGroup").items():
        assert group.get("RetentionInDays"), name


def test_every_function_has_a_role_of_its_own(deployment: Deployment) -> None:
    roles = [deployment.text(made["Role"]) for made in deployment.functions.values()]
    assert len(set(roles)) == len(roles)


def test_no_role_holds_a_policy_that_aws_writes(deployment: Deployment) -> None:
    for name, role in deployment.resources("AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role, name


def test_no_statement_of_a_role_has_a_wildcard(deployment: Deployment) -> None:
    for name, policy in deployment.resources("AWS::IAM::Policy").items():
        for actions, resources in deployment.granted(policy["PolicyDocument"]):
            assert not [text for text in actions | resources - {TELEPHONES} if "*" in text], name


@pytest.mark.parametrize("kind", ["AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"])
def test_no_queue_or_topic_lets_everyone_in(deployment: Deployment, kind: str) -> None:
    for name, policy in deployment.resources(kind).items():
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                assert "*" not in json.dumps([statement["Action"], statement["Principal"]]), name
                assert "Condition" in statement, name


@pytest.mark.parametrize(
    ("things", "kind", "held"),
    [("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues"), ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics")],
)
def test_every_queue_and_topic_refuses_plain_text_transport(
    deployment: Deployment, things: str, kind: str, held: str
) -> None:
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    protected = {
        deployment.text(thing)
        for policy in deployment.resources(kind).values()
        for thing in policy[held]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement.get("Condition") == insecure
    }
    assert protected == set(deployment.resources(things))


def test_every_queue_is_encrypted(deployment: Deployment) -> None:
    for name, queue in deployment.resources("AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] is True, name


def test_every_queue_ends_in_a_dead_letter_queue(deployment: Deployment) -> None:
    dead = _dead_letter_queues(deployment)
    for name, queue in deployment.resources("AWS::SQS::Queue").items():
        assert name in dead or queue["RedrivePolicy"]["maxReceiveCount"] == 5, name


def test_every_dead_letter_waits_fourteen_days(deployment: Deployment) -> None:
    queues = deployment.resources("AWS::SQS::Queue")
    assert {queues[name]["MessageRetentionPeriod"] for name in _dead_letter_queues(deployment)} == {14 * 24 * 3600}


def test_every_dead_letter_queue_has_an_alarm_from_the_first_message_on(deployment: Deployment) -> None:
    watched = {
        deployment.text(dimension["Value"]).removesuffix(".QueueName")
        for alarm in deployment.resources("AWS::CloudWatch::Alarm").values()
        if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
        and (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
        for dimension in alarm["Dimensions"]
    }
    assert watched == _dead_letter_queues(deployment)


def test_every_rule_feeds_a_queue_and_keeps_what_it_cannot_deliver(deployment: Deployment) -> None:
    queues = deployment.resources("AWS::SQS::Queue")
    for name, rule in deployment.resources("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            assert deployment.text(target["Arn"]).removesuffix(".Arn") in queues, name
            assert deployment.text(target["DeadLetterConfig"]["Arn"]).removesuffix(".Arn") in queues, name


def test_every_rule_keeps_partners_and_ourselves_apart(deployment: Deployment) -> None:
    for name, rule in deployment.resources("AWS::Events::Rule").items():
        if "EventBusName" not in rule:
            continue  # of the account's own bus: below
        assert rule["EventPattern"]["source"] in (["loyalty"], [{"anything-but": ["loyalty"]}]), name
        assert rule["EventPattern"]["detail-type"], name


def test_of_the_bus_of_the_account_we_hear_of_our_own_mails_and_of_nothing_else(deployment: Deployment) -> None:
    [rule] = [one for one in deployment.resources("AWS::Events::Rule").values() if "EventBusName" not in one]
    assert rule["EventPattern"] == {
        "source": ["aws.ses"],
        "detail-type": ["Email Bounced", "Email Complaint Received"],
        "detail": {"mail": {"tags": {"ses:configuration-set": [f"fidelio-{deployment.stage}-mail"]}}},
    }


def test_every_queue_consumer_lets_one_bad_message_fail_alone(deployment: Deployment) -> None:
    for name, mapping in _mappings(deployment, "AWS::SQS::Queue").items():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name
        # Suppliers may each keep their call waiting, and each event is about many members: so many are over in time.
        # And one endpoint of partners takes as long as it takes.
        fewer = {"fulfilmentrequested": 3, "membersdue": 4, "deliveriesdue": 1}
        expected = next((at_once for what, at_once in fewer.items() if what in name.lower()), 10)
        assert mapping["BatchSize"] == expected, name


def test_every_endpoint_of_webhooks_may_have_a_worker_of_its_own_at_the_same_time(prod: Deployment) -> None:
    mappings = _mappings(prod, "AWS::SQS::Queue")
    limited = {name: made["ScalingConfig"] for name, made in mappings.items() if "ScalingConfig" in made}
    ((name, scaling),) = limited.items()
    assert "deliveriesdue" in name.lower()
    assert scaling["MaximumConcurrency"] > MOST_ENDPOINTS


def test_every_message_stays_invisible_while_its_function_may_run(deployment: Deployment) -> None:
    factor = 1 if deployment.stage == "local" else 6
    queues, functions = deployment.resources("AWS::SQS::Queue"), deployment.resources("AWS::Lambda::Function")
    for mapping in _mappings(deployment, "AWS::SQS::Queue").values():
        queue = queues[deployment.text(mapping["EventSourceArn"]).removesuffix(".Arn")]
        assert queue["VisibilityTimeout"] == factor * functions[deployment.text(mapping["FunctionName"])]["Timeout"]


def test_every_stream_consumer_isolates_a_bad_record_and_parks_it(deployment: Deployment) -> None:
    (mapping,) = _mappings(deployment, "AWS::DynamoDB::Table").values()
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == 10
    assert mapping["ParallelizationFactor"] == 1
    assert "DestinationConfig" in mapping
    # The emulator would lose the records after the failed one.
    assert "FunctionResponseTypes" not in mapping


def test_every_schedule_keeps_a_run_that_cannot_start_and_one_that_fails(deployment: Deployment) -> None:
    fire_and_forget = {
        deployment.text(made["FunctionName"])
        for made in deployment.resources("AWS::Lambda::EventInvokeConfig").values()
    }
    for name, schedule in deployment.resources("AWS::Scheduler::Schedule").items():
        assert "DeadLetterConfig" in schedule["Target"], name
        assert deployment.text(schedule["Target"]["Arn"]).removesuffix(".Arn") in fire_and_forget, name


def test_every_function_has_alarms_on_errors_and_on_throttles(deployment: Deployment) -> None:
    watched = {
        (alarm["MetricName"], deployment.text(dimension["Value"]))
        for alarm in deployment.resources("AWS::CloudWatch::Alarm").values()
        for dimension in alarm.get("Dimensions", [])
        if dimension["Name"] == "FunctionName"
    }
    for name in deployment.resources("AWS::Lambda::Function"):
        assert {("Errors", name), ("Throttles", name)} <= watched


def test_every_alarm_tells_the_topic_and_uses_a_plain_metric(deployment: Deployment) -> None:
    (topic,) = deployment.resources("AWS::SNS::Topic")
    for name, alarm in deployment.resources("AWS::CloudWatch::Alarm").items():
        assert [deployment.text(action) for action in alarm["AlarmActions"]] == [topic], name
        # The emulator refuses metric math.
        assert "Metrics" not in alarm, name


def test_every_resource_of_the_local_stage_is_known_to_the_emulator(local: Deployment) -> None:
    assert not local.types & UNKNOWN_TO_THE_EMULATOR


def _mappings(deployment: Deployment, kind: str) -> dict[str, dict[str, Any]]:
    """Event source mappings whose source is a resource of this type."""
    sources = deployment.resources(kind)
    return {
        name: dict(mapping)
        for name, mapping in deployment.resources("AWS::Lambda::EventSourceMapping").items()
        if deployment.text(mapping["EventSourceArn"]).partition(".")[0] in sources
    }


def _dead_letter_queues(deployment: Deployment) -> set[str]:
    """Logical ids of every queue that something names as its failure destination."""
    destinations = [
        *(
            made["RedrivePolicy"]["deadLetterTargetArn"]
            for made in deployment.resources("AWS::SQS::Queue").values()
            if "RedrivePolicy" in made
        ),
        *(
            target["DeadLetterConfig"]["Arn"]
            for made in deployment.resources("AWS::Events::Rule").values()
            for target in made["Targets"]
        ),
        *(
            made["DestinationConfig"]["OnFailure"]["Destination"]
            for kind in ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig")
            for made in deployment.resources(kind).values()
            if "DestinationConfig" in made
        ),
        *(
            made["Target"]["DeadLetterConfig"]["Arn"]
            for made in deployment.resources("AWS::Scheduler::Schedule").values()
        ),
    ]
    return {deployment.text(arn).removesuffix(".Arn") for arn in destinations}
