"""The clock that can be turned: in local and dev, and in production by nothing at all."""

from infra.functions import FUNCTIONS, STARTED_BY_A_SANDBOX
from tests.infra.templates import Deployment

SANDBOX = "lifecycle-sandbox-api"
CLOCK = {"GET /v1/sandbox/clock", "POST /v1/sandbox/clock"}


def routes(deployment: Deployment) -> set[str]:
    return {made["RouteKey"] for made in deployment.resources("AWS::ApiGatewayV2::Route").values()}


def variables(deployment: Deployment, function: str) -> dict[str, str]:
    found: dict[str, str] = deployment.functions[function]["Environment"]["Variables"]
    return found


def test_production_has_no_function_no_route_and_no_variable_of_it(prod: Deployment) -> None:
    assert SANDBOX not in prod.functions
    assert not routes(prod) & CLOCK
    for name in prod.functions:
        assert not {"SANDBOX", "SCHEDULED_FUNCTIONS"} & set(variables(prod, name)), name
        assert not any("lambda:InvokeFunction" in actions for actions, _ in prod.statements(name)), name


def test_in_production_nobody_looks_up_the_time(prod: Deployment) -> None:
    for spec in FUNCTIONS:
        if not spec.sandbox and "program" not in spec.granted_tables:
            assert prod.actions_on(spec.name, "program") == set(), spec.name
            assert "PROGRAM_TABLE" not in variables(prod, spec.name), spec.name


def test_elsewhere_everybody_looks_up_the_time(deployments: dict[str, Deployment]) -> None:
    for stage in ("local", "dev"):
        deployment = deployments[stage]
        assert routes(deployment) >= CLOCK
        for name in deployment.functions:
            assert variables(deployment, name)["SANDBOX"] == "yes"
            assert "GetItem" in deployment.actions_on(name, "program"), name


def test_only_the_sandbox_may_turn_the_clock_and_start_what_the_clock_starts(
    deployments: dict[str, Deployment],
) -> None:
    for stage in ("local", "dev"):
        deployment = deployments[stage]
        starting = {
            name
            for name in deployment.functions
            if any("lambda:InvokeFunction" in actions for actions, _ in deployment.statements(name))
        }
        assert starting == {SANDBOX}
        [arns] = [arns for actions, arns in deployment.statements(SANDBOX) if "lambda:InvokeFunction" in actions]
        assert len(arns) == len(STARTED_BY_A_SANDBOX) == 3
        for arn, function in zip(sorted(arns), sorted(STARTED_BY_A_SANDBOX), strict=True):
            assert arn.endswith(f":function:fidelio-{stage}-{function}")
        started = variables(deployment, SANDBOX)["SCHEDULED_FUNCTIONS"].split()
        assert started == [f"fidelio-{stage}-{function}" for function in STARTED_BY_A_SANDBOX]
        assert "PutItem" in deployment.actions_on(SANDBOX, "program")
        assert deployment.functions[SANDBOX]["Timeout"] == 29


def test_the_index_of_what_is_due_holds_keys_only(deployment: Deployment) -> None:
    [accounts] = [
        made
        for made in deployment.resources("AWS::DynamoDB::Table").values()
        if made["TableName"].endswith("-accounts")
    ]
    [index] = accounts["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["Projection"]) == ("due", {"ProjectionType": "KEYS_ONLY"})
