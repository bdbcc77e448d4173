"""What time does by itself: EventBridge Scheduler starts a function."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.functions import FunctionSpec, Sweep
from infra.loyalty_function import House, LoyaltyFunction
from infra.queues import DeadLetters

RETRIES = 2
ONE_HOUR = Duration.hours(1)


class ScheduledFunction(Construct):
    """A function that the clock starts. A run that cannot start or that fails leaves a dead letter."""

    def __init__(self, scope: Construct, construct_id: str, house: House, spec: FunctionSpec, trigger: Sweep) -> None:
        super().__init__(scope, construct_id)
        dead_letters = DeadLetters(self, "DeadLetters", house, spec).queue
        function = LoyaltyFunction(self, "Loyalty", house, spec).function
        # Scheduler hands the run over and forgets it, so a failure of the function needs its own destination.
        function.configure_async_invoke(
            on_failure=destinations.SqsDestination(dead_letters),
            retry_attempts=RETRIES,
            max_event_age=ONE_HOUR,
        )
        scheduler.CfnSchedule(
            self,
            "Schedule",
            name=house.stage.name_of(spec.name),
            schedule_expression=house.stage.schedules[trigger.every],
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function.function_arn,
                role_arn=self._role(function, dead_letters).role_arn,
                input="{}",
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=dead_letters.queue_arn),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_retry_attempts=RETRIES, maximum_event_age_in_seconds=ONE_HOUR.to_seconds()
                ),
            ),
        )

    def _role(self, function: lambda_.Function, dead_letters: sqs.Queue) -> iam.Role:
        """Not the role CDK would make for the target: that one may start every version of the function."""
        this_account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com", conditions=this_account),
        )
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn]))
        role.add_to_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[dead_letters.queue_arn]))
        return role
