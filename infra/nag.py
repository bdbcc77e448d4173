"""cdk-nag findings that we accept, each with its reason beside the thing it is about."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def accept(construct: IConstruct, rule: str, reason: str) -> None:
    """Accept what a cdk-nag rule says of `construct` and of all below it, for a reason that is true."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
