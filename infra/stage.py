"""The three stages and everything that differs between them. No other file asks which stage it is in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs


class UnknownStageError(ValueError):
    """The context value `stage` names no stage."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployment of the programme.

    `visibility_factor`: how many function timeouts a received message stays invisible.
    `sweep_every`, `prove_every`: when unpublished changes are looked for, and the books are proved, in EventBridge
    Scheduler's words.
    `stream_record_age`: how long the stream function may retry a change before it is a dead letter.
    `local_endpoints`: functions may call addresses of their own machine.
    `sandbox`: its clock can be put forward.
    `requests_per_second`, `burst`: throttling of the whole API.
    `most_side_by_side`: copies of one function that may work at once: a developer's machine has room for few.
    """

    name: str
    architecture: lambda_.Architecture
    log_retention: logs.RetentionDays
    removal_policy: RemovalPolicy
    protected: bool
    visibility_factor: int
    sweep_every: str
    prove_every: str
    stream_record_age: Duration
    requests_per_second: int
    burst: int
    most_side_by_side: int = 1000
    local_endpoints: bool = False
    sandbox: bool = False

    def has(self, of_sandbox: bool) -> bool:
        """Whether this stage has something that may be only for a sandbox."""
        return self.sandbox or not of_sandbox

    @property
    def suppliers_secret(self) -> str:
        """Name of the secret that calls to suppliers of rewards are signed with."""
        return self.name_of("suppliers")

    @property
    def links_secret(self) -> str:
        """Name of the secret that links in mails are made with."""
        return self.name_of("links")

    @property
    def webhooks_secret(self) -> str:
        """Name of the secret that the secrets of webhooks are made from."""
        return self.name_of("webhooks")

    @property
    def schedules(self) -> Mapping[str, str]:
        """How often the clock starts what, in EventBridge Scheduler's words."""
        return {"minute": "rate(1 minute)", "sweep": self.sweep_every, "night": self.prove_every}

    def name_of(self, thing: str) -> str:
        """Physical name of a resource of this stage, such as `fidelio-dev-accrual-api`."""
        return f"fidelio-{self.name}-{thing}"


# The emulator runs functions on the host's own processor and gives up on a stream record only by its age. A
# developer wants to see a dead letter within minutes; 30 s still outlasts the longest cold start seen (25 s).
_LOCAL = Stage(
    name="local",
    architecture=lambda_.Architecture.X86_64,
    log_retention=logs.RetentionDays.ONE_WEEK,
    removal_policy=RemovalPolicy.DESTROY,
    protected=False,
    visibility_factor=1,
    sweep_every="rate(1 minute)",
    prove_every="rate(10 minutes)",
    stream_record_age=Duration.minutes(1),
    requests_per_second=100,
    burst=200,
    most_side_by_side=12,
    local_endpoints=True,
    sandbox=True,
)
# Six timeouts is what Lambda asks for: it retries a throttled batch before the queue shows it again.
# Retain except on create: a first deployment that rolls back must not leave names that block the second.
_DEV = Stage(
    name="dev",
    architecture=lambda_.Architecture.ARM_64,
    log_retention=logs.RetentionDays.TWO_WEEKS,
    removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    protected=False,
    visibility_factor=6,
    sweep_every="rate(1 hour)",
    prove_every="cron(15 3 * * ? *)",
    stream_record_age=Duration.hours(12),
    requests_per_second=100,
    burst=200,
    sandbox=True,
)
_PROD = Stage(
    name="prod",
    architecture=lambda_.Architecture.ARM_64,
    log_retention=logs.RetentionDays.SIX_MONTHS,
    removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    protected=True,
    visibility_factor=6,
    sweep_every="rate(1 hour)",
    prove_every="cron(15 3 * * ? *)",
    stream_record_age=Duration.hours(12),
    requests_per_second=1000,
    burst=2000,
)

STAGES: Mapping[str, Stage] = {stage.name: stage for stage in (_LOCAL, _DEV, _PROD)}


def stage_named(name: Any) -> Stage:
    """The stage of the context value `stage`. Raises UnknownStageError with the ones there are."""
    if name not in STAGES:
        raise UnknownStageError(f"unknown stage {name!r}: deploy with -c stage={'|'.join(STAGES)}")
    return STAGES[name]
