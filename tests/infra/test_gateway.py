"""The HTTP API is what docs/openapi.json says, and who may call it is what Cognito can grant."""

from typing import Any

import pytest

from infra.contract import ContractError, Operation, operations, scopes
from tests.infra.templates import Deployment


def document(fields: dict[str, Any]) -> dict[str, Any]:
    return {"paths": {"/v1/purchases": {"summary": "not a method", "post": fields}}}


def is_there(deployment: Deployment, path: str) -> bool:
    """Whether a stage has an operation: production has no sandbox."""
    return deployment.stage != "prod" or not path.startswith("/v1/sandbox/")


def test_every_operation_of_the_contract_is_routed_to_its_function_and_nothing_else_is(deployment: Deployment) -> None:
    assert routed(deployment) == {
        f"{operation.method} {operation.path}": f"fidelio-{deployment.stage}-{operation.function}"
        for operation in operations()
        if is_there(deployment, operation.path)
    }


def test_every_route_asks_for_the_scopes_of_the_contract(deployment: Deployment) -> None:
    asked = {
        route["RouteKey"]: tuple(route.get("AuthorizationScopes", ()))
        for route in deployment.resources("AWS::ApiGatewayV2::Route").values()
    }
    assert asked == {
        f"{operation.method} {operation.path}": operation.scopes
        for operation in operations()
        if is_there(deployment, operation.path)
    }


PUBLIC = {"GET /v1/health", "GET /v1/unsubscribe/{token}", "POST /v1/unsubscribe/{token}"}
"""That it runs is no secret, and who holds a link out of a mail has no token."""


def test_every_route_but_health_and_the_links_in_mails_needs_a_token_with_a_scope(deployment: Deployment) -> None:
    (authorizer,) = deployment.resources("AWS::ApiGatewayV2::Authorizer")
    for route in deployment.resources("AWS::ApiGatewayV2::Route").values():
        if route["RouteKey"] not in PUBLIC:
            assert route["AuthorizationType"] == "JWT", route["RouteKey"]
            assert deployment.text(route["AuthorizerId"]) == authorizer, route["RouteKey"]
            assert route["AuthorizationScopes"], route["RouteKey"]


def test_tokens_are_those_that_our_pool_issued_to_a_partner(deployment: Deployment) -> None:
    (authorizer,) = deployment.resources("AWS::ApiGatewayV2::Authorizer").values()
    (pool,) = deployment.resources("AWS::Cognito::UserPool")
    partners = deployment.resources("AWS::Cognito::UserPoolClient")
    token = authorizer["JwtConfiguration"]
    assert deployment.text(token["Issuer"]) == f"https://cognito-idp.AWS::Region.amazonaws.com/{pool}"
    assert [deployment.text(audience) for audience in token["Audience"]] == list(partners)
    assert len(partners) == 2


def test_every_partner_can_be_granted_every_scope_and_only_by_its_secret(deployment: Deployment) -> None:
    (server,) = deployment.resources("AWS::Cognito::UserPoolResourceServer")
    for partner in deployment.resources("AWS::Cognito::UserPoolClient").values():
        granted = [deployment.text(scope).replace(server, "loyalty") for scope in partner["AllowedOAuthScopes"]]
        assert sorted(granted) == list(scopes(operations()))
        assert partner["AllowedOAuthFlows"] == ["client_credentials"]
        assert partner["GenerateSecret"] is True
        assert (partner["AccessTokenValidity"], partner["TokenValidityUnits"]["AccessToken"]) == (60, "minutes")


def test_nobody_can_sign_up_by_themselves(deployment: Deployment) -> None:
    (pool,) = deployment.resources("AWS::Cognito::UserPool").values()
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True


def test_the_api_is_throttled_and_logs_who_asked_what_without_personal_data(deployment: Deployment) -> None:
    (stage,) = deployment.resources("AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] > 0
    logged = stage["AccessLogSettings"]["Format"]
    assert "$context.requestId" in logged
    # Paths and queries hold member ids and e-mail addresses.
    assert not [name for name in ("$context.path", "queryString", "sourceIp") if name in logged]


def test_the_api_has_an_alarm_on_server_errors(deployment: Deployment) -> None:
    alarms = deployment.resources("AWS::CloudWatch::Alarm").values()
    assert [alarm for alarm in alarms if alarm["MetricName"] == "5xx"]


def test_an_operation_without_a_function_is_refused() -> None:
    with pytest.raises(ContractError, match=r"POST /v1/purchases names no x-function"):
        operations(document({"security": []}))


def test_an_operation_that_does_not_say_who_may_call_it_is_refused() -> None:
    with pytest.raises(ContractError, match=r"POST /v1/purchases has no security"):
        operations(document({"x-function": "accrual-api"}))


@pytest.mark.parametrize(
    "requirement",
    [{"oauth2": []}, {"oauth2": ["loyalty/a", "loyalty/b"]}, {"oauth2": ["other/a"]}, {"key": ["loyalty/a"]}, {}],
)
def test_a_requirement_that_the_gateway_cannot_hold_is_refused(requirement: dict[str, list[str]]) -> None:
    with pytest.raises(ContractError, match="expected one oauth2 scope"):
        operations(document({"x-function": "accrual-api", "security": [requirement]}))


def test_either_of_two_requirements_lets_a_caller_in() -> None:
    either: list[dict[str, list[str]]] = [{"oauth2": ["loyalty/a"]}, {"oauth2": ["loyalty/b"]}]
    assert operations(document({"x-function": "accrual-api", "security": either})) == (
        Operation("POST", "/v1/purchases", "accrual-api", ("loyalty/a", "loyalty/b")),
    )


def routed(deployment: Deployment) -> dict[str, str]:
    """Physical name of the function behind every route key."""
    integrations = deployment.resources("AWS::ApiGatewayV2::Integration")
    functions = deployment.resources("AWS::Lambda::Function")
    found = {}
    for route in deployment.resources("AWS::ApiGatewayV2::Route").values():
        integration = integrations[deployment.text(route["Target"]).removeprefix("integrations/")]
        function = deployment.text(integration["IntegrationUri"]).removesuffix(".Arn")
        found[route["RouteKey"]] = functions[function]["FunctionName"]
    return found
