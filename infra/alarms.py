"""Alarms, and the topic that tells the operator about them."""

from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.stage import Stage

ONE_MINUTE = Duration.minutes(1)
FIVE_MINUTES = Duration.minutes(5)
ONE_HOUR = Duration.hours(1)


@dataclass(frozen=True, slots=True)
class Symptom:
    """What an alarm watches: `at_least` so much of `metric` in one of its periods. `of`: who shows it."""

    of: str
    name: str
    metric: cloudwatch.Metric
    meaning: str
    at_least: float = 1


class Alarms(Construct):
    """The alarm topic. Every alarm is made through `watch`, so none is without an action."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, email: str | None) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        # Not encrypted with the key AWS manages for SNS: its policy does not admit CloudWatch, so alarms
        # would be lost in silence. They name queues and functions, never members.
        self._topic = sns.Topic(self, "Topic", topic_name=stage.name_of("alarms"), enforce_ssl=True)
        # A topic with a policy of its own loses the default one that lets the account's alarms in.
        self._topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowAlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self._topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        if email:
            self._topic.add_subscription(subscriptions.EmailSubscription(email))

    def watch(self, scope: Construct, symptom: Symptom) -> None:
        """Raise an alarm named after the symptom while it lasts; no data means no symptom."""
        alarm = cloudwatch.Alarm(
            scope,
            f"{symptom.name}Alarm",
            alarm_name=self._stage.name_of(f"{symptom.of}-{symptom.name}"),
            alarm_description=symptom.meaning,
            metric=symptom.metric,
            threshold=symptom.at_least,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
