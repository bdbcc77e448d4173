import json
from pathlib import Path

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from infra.app import build
from infra.packaging import lambda_code
from infra.stage import STAGES, stage_named
from tests.infra.templates import OPERATOR, Deployment

CDK_JSON = Path(__file__).parents[2] / "cdk.json"


@pytest.fixture(scope="session")
def deployments() -> dict[str, Deployment]:
    """Every stage, synthesized once. A process starts the CDK engine once, so the first one costs the most."""
    return {stage: _synthesized(stage) for stage in STAGES}


@pytest.fixture(params=STAGES)
def deployment(request: pytest.FixtureRequest, deployments: dict[str, Deployment]) -> Deployment:
    """Each stage in turn: a house rule holds in all of them."""
    return deployments[request.param]


@pytest.fixture
def prod(deployments: dict[str, Deployment]) -> Deployment:
    return deployments["prod"]


@pytest.fixture
def local(deployments: dict[str, Deployment]) -> Deployment:
    return deployments["local"]


def _synthesized(name: str) -> Deployment:
    context = json.loads(CDK_JSON.read_text())["context"]
    if name == "prod":
        context |= {"alarm_email": OPERATOR}
    # Without bundling: the templates do not depend on what is in the package.
    app = App(context=context | {"aws:cdk:bundling-stacks": []})
    stacks = build(app, stage_named(name), lambda_code(name))
    return Deployment(name, app, {stack.stack_name: Template.from_stack(stack).to_json() for stack in stacks})
