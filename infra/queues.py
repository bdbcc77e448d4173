"""From the bus to a function: rule -> queue -> function, and a place for what fails for good.

Never rule -> function: a queue adds retries, batches in which one bad message fails alone, and redrive.
"""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from functions.runtime.bus import TRIES
from infra.alarms import ONE_MINUTE, Symptom
from infra.functions import TIMEOUTS, BusEvents, FunctionSpec, Source
from infra.loyalty_function import House, LoyaltyFunction
from infra.nag import accept


class DeadLetters(Construct):
    """Where work of one function ends that failed for good: kept for 14 days, with an alarm from the first."""

    def __init__(self, scope: Construct, construct_id: str, house: House, spec: FunctionSpec) -> None:
        super().__init__(scope, construct_id)
        name = house.stage.name_of(f"{spec.name}-dead-letters")
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=name,
            retention_period=Duration.days(14),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )
        accept(self.queue, "AwsSolutions-SQS3", "It is a dead-letter queue, of a stream, a schedule or a queue.")
        waiting = self.queue.metric_approximate_number_of_messages_visible(period=ONE_MINUTE, statistic="Maximum")
        house.alarms.watch(
            self,
            Symptom(
                spec.name,
                "dead-letters",
                waiting,
                f"Work of {spec.name} waits in {name}: repair the cause, then redrive it within 14 days.",
            ),
        )


class QueuedFunction(Construct):
    """A function that takes events of the bus from a queue of its own."""

    def __init__(
        self, scope: Construct, construct_id: str, house: House, spec: FunctionSpec, trigger: BusEvents
    ) -> None:
        super().__init__(scope, construct_id)
        dead_letters = DeadLetters(self, "DeadLetters", house, spec).queue
        queue = self._queue(house, spec, dead_letters)
        self._rule(house, spec, trigger, queue, dead_letters)
        function = LoyaltyFunction(self, "Loyalty", house, spec).function
        # It parks unreadable messages itself: receiving them five times would not make them readable.
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[dead_letters.queue_arn])
        )
        function.add_environment("DEAD_LETTER_QUEUE_URL", dead_letters.queue_url)
        function.add_event_source(
            event_sources.SqsEventSource(
                queue,
                batch_size=trigger.at_once,
                max_concurrency=trigger.side_by_side and min(trigger.side_by_side, house.stage.most_side_by_side),
                report_batch_item_failures=True,
            )
        )

    def _queue(self, house: House, spec: FunctionSpec, dead_letters: sqs.Queue) -> sqs.Queue:
        timeout = Duration.seconds(TIMEOUTS[BusEvents] * house.stage.visibility_factor)
        return sqs.Queue(
            self,
            "Queue",
            queue_name=house.stage.name_of(spec.name),
            visibility_timeout=timeout,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=TRIES, queue=dead_letters),
        )

    def _rule(
        self, house: House, spec: FunctionSpec, trigger: BusEvents, queue: sqs.Queue, dead_letters: sqs.Queue
    ) -> None:
        # SES tells only the account's own bus.
        bus = None if trigger.source is Source.MAIL else house.bus
        events.Rule(
            self,
            "Rule",
            rule_name=house.stage.name_of(spec.name),
            event_bus=bus,
            event_pattern=_pattern(house, trigger),
            targets=[targets.SqsQueue(queue, dead_letter_queue=dead_letters)],
        )


def _pattern(house: House, trigger: BusEvents) -> events.EventPattern:
    """Partners' requests and our own news never mix, so that nothing we publish can start us again. Of mails those that
    this stage has sent."""
    ours, types = Source.OURSELVES.value, list(trigger.detail_types)
    match trigger.source:
        case Source.OURSELVES:
            return events.EventPattern(source=[ours], detail_type=types)
        case Source.MAIL:
            sent_by = {"mail": {"tags": {"ses:configuration-set": [house.stage.name_of("mail")]}}}
            return events.EventPattern(source=["aws.ses"], detail_type=types, detail=sent_by)
        case _:
            return events.EventPattern(source=events.Match.anything_but(ours), detail_type=types)
