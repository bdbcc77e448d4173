"""The HTTP API, built from the published contract: the routes are those of docs/openapi.json, no others."""

import json
from collections.abc import Mapping
from typing import cast

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.alarms import FIVE_MINUTES, Alarms, Symptom
from infra.contract import ContractError, Operation
from infra.identity import Identity
from infra.nag import accept
from infra.stage import Stage

# The route, not the path or the query: those hold member ids and e-mail addresses.
_ACCESS_LOG = {
    "request_id": "$context.requestId",
    "requested_at": "$context.requestTime",
    "route": "$context.routeKey",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "function_milliseconds": "$context.integrationLatency",
    "bytes": "$context.responseLength",
    "source": "$context.authorizer.claims.client_id",
    "refused": "$context.authorizer.error",
    "failed": "$context.integrationErrorMessage",
}


class Gateway(Construct):
    """The API with its default stage, one integration per function, and a token check on every route not public."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        identity: Identity,
        alarms: Alarms,
    ) -> None:
        super().__init__(scope, construct_id)
        self.api = apigatewayv2.HttpApi(self, "Api", api_name=stage.name_of("api"), create_default_stage=False)
        self.url = self._stage(stage).url
        self._authorizer = authorizers.HttpUserPoolAuthorizer(
            "Partners", identity.pool, user_pool_clients=list(identity.partners.values())
        )
        alarms.watch(
            self,
            Symptom(
                "api",
                "server-errors",
                self.api.metric_server_error(period=FIVE_MINUTES, statistic="Sum"),
                "The API answered 5xx: find the function in its access log, then read the function's log.",
            ),
        )

    def serve(self, operations: tuple[Operation, ...], functions: Mapping[str, lambda_.Function]) -> None:
        """Route every operation to its function. Comes last: functions may know the address of the API."""
        served = {
            name: integrations.HttpLambdaIntegration(name, function, scope_permission_to_route=False)
            for name, function in functions.items()
        }
        for operation in operations:
            self._route(operation, served)

    def _stage(self, stage: Stage) -> apigatewayv2.HttpStage:
        log_group = logs.LogGroup(
            self,
            "AccessLogs",
            # API Gateway lets itself into this family of names once; others each lengthen a limited policy.
            log_group_name=f"/aws/vendedlogs/{stage.name_of('api')}",
            retention=stage.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        default_stage = apigatewayv2.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            auto_deploy=True,
            throttle=apigatewayv2.ThrottleSettings(rate_limit=stage.requests_per_second, burst_limit=stage.burst),
        )
        # The high-level setting is an interface to implement in Python; this is the property it would set.
        cast(
            apigatewayv2.CfnStage, default_stage.node.default_child
        ).access_log_settings = apigatewayv2.CfnStage.AccessLogSettingsProperty(
            destination_arn=log_group.log_group_arn, format=json.dumps(_ACCESS_LOG)
        )
        return default_stage

    def _route(self, operation: Operation, served: Mapping[str, integrations.HttpLambdaIntegration]) -> None:
        if operation.function not in served:
            raise ContractError(f"{operation.method} {operation.path}: no HTTP function {operation.function!r}")
        routes = self.api.add_routes(
            path=operation.path,
            methods=[apigatewayv2.HttpMethod[operation.method]],
            integration=served[operation.function],
            authorizer=self._authorizer if operation.scopes else apigatewayv2.HttpNoneAuthorizer(),
            authorization_scopes=list(operation.scopes) or None,
        )
        if not operation.scopes:
            for route in routes:
                accept(route, "AwsSolutions-APIG4", "Public because the contract writes `security: []`.")
