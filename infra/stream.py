"""From a committed change to the bus: the stream of accounts starts a function, in order per member."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from constructs import Construct

from infra.alarms import FIVE_MINUTES, Symptom
from infra.functions import FunctionSpec
from infra.loyalty_function import House, LoyaltyFunction
from infra.queues import DeadLetters
from infra.tables import ACCOUNTS

FIVE_MINUTES_IN_MS = 5 * 60 * 1000


class StreamedFunction(Construct):
    """A function that reads the changes of accounts. One it cannot publish is left to the sweep and to us."""

    def __init__(self, scope: Construct, construct_id: str, house: House, spec: FunctionSpec) -> None:
        super().__init__(scope, construct_id)
        dead_letters = DeadLetters(self, "DeadLetters", house, spec).queue
        function = LoyaltyFunction(self, "Loyalty", house, spec).function
        stream = _stream_arn(house)
        reads = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
        function.add_to_role_policy(
            iam.PolicyStatement(actions=[f"dynamodb:{read}" for read in reads], resources=[stream])
        )
        self._mapping(house, function, stream, event_sources.SqsDlq(dead_letters))
        house.alarms.watch(
            self,
            Symptom(
                spec.name,
                "behind",
                function.metric("IteratorAge", period=FIVE_MINUTES, statistic="Maximum"),
                "Changes of accounts are published over five minutes late: read the log of the function.",
                at_least=FIVE_MINUTES_IN_MS,
            ),
        )

    def _mapping(
        self, house: House, function: lambda_.Function, stream: str, on_failure: lambda_.IEventSourceDlq
    ) -> None:
        # One batch per shard at a time keeps the order per member. No partial failures: the function fails as
        # a whole and the batch is halved until the bad change stands alone.
        accounts_only = {"dynamodb": {"Keys": {"part": {"S": lambda_.FilterRule.is_equal("A")}}}}
        function.add_event_source_mapping(
            "Changes",
            event_source_arn=stream,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            filters=[lambda_.FilterCriteria.filter(accounts_only)],
            batch_size=100,
            parallelization_factor=1,
            bisect_batch_on_error=True,
            retry_attempts=10,
            max_record_age=house.stage.stream_record_age,
            on_failure=on_failure,
        )


def _stream_arn(house: House) -> str:
    stream = house.tables[ACCOUNTS.name].table_stream_arn
    if stream is None:
        raise ValueError("the table of accounts has no stream")
    return stream
