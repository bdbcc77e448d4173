"""Who may call: the scopes of the contract, and the partners that get tokens for them."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from aws_cdk import Aws, Duration
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra.contract import RESOURCE_SERVER
from infra.nag import accept
from infra.stage import Stage

Partners: TypeAlias = Mapping[str, Sequence[str] | None]
"""The systems that call, with the scopes that each may ask for (`earning.write`); None: all there are."""


class UnknownScopeError(ValueError):
    """A partner is given a scope that the contract does not have."""


class Identity(Construct):
    """A Cognito pool without people in it: partner systems trade their secret for a token of one hour."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, scopes: tuple[str, ...], partners: Partners
    ) -> None:
        """`scopes` are those of the contract, such as `loyalty/members.read`. Raises UnknownScopeError."""
        super().__init__(scope, construct_id)
        self.pool = self._pool(stage)
        # A domain prefix is one for all accounts of a region, hence the account in it.
        domain = self.pool.add_domain(
            "Domain",
            cognito_domain=cognito.CognitoDomainOptions(domain_prefix=stage.name_of(Aws.ACCOUNT_ID)),
        )
        self.token_url = f"{domain.base_url()}/oauth2/token"
        self._scopes = self._resource_server(scopes)
        self.partners = {name: self._partner(name, stage.name_of(name), may) for name, may in partners.items()}

    def _pool(self, stage: Stage) -> cognito.UserPool:
        pool = cognito.UserPool(
            self,
            "Pool",
            user_pool_name=stage.name_of("partners"),
            self_sign_up_enabled=False,
            account_recovery=cognito.AccountRecovery.NONE,
            sign_in_aliases=cognito.SignInAliases(username=True),
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_digits=True,
                require_lowercase=True,
                require_symbols=True,
                require_uppercase=True,
            ),
            deletion_protection=stage.protected,
            removal_policy=stage.removal_policy,
        )
        nobody = "No person signs in to this pool: it only issues client-credentials tokens to partner systems."
        accept(pool, "AwsSolutions-COG2", nobody)
        accept(
            pool,
            "AwsSolutions-COG8",
            nobody + " The plus plan guards sign-ins of people, and is paid for by them.",
        )
        return pool

    def _resource_server(self, scopes: tuple[str, ...]) -> dict[str, cognito.OAuthScope]:
        names = [scope.removeprefix(f"{RESOURCE_SERVER}/") for scope in scopes]
        resource_scopes = [cognito.ResourceServerScope(scope_name=name, scope_description=name) for name in names]
        server = self.pool.add_resource_server(
            "ResourceServer",
            identifier=RESOURCE_SERVER,
            user_pool_resource_server_name="Fidelio",
            scopes=resource_scopes,
        )
        return {
            name: cognito.OAuthScope.resource_server(server, scope)
            for name, scope in zip(names, resource_scopes, strict=True)
        }

    def _partner(self, construct_id: str, name: str, may: Sequence[str] | None) -> cognito.UserPoolClient:
        unknown = sorted(set(may or ()) - set(self._scopes))
        if unknown:
            raise UnknownScopeError(
                f"partner {construct_id}: no scope {', '.join(unknown)}; there is {list(self._scopes)}"
            )
        scopes = [scope for wanted, scope in self._scopes.items() if may is None or wanted in may]
        return self.pool.add_client(
            construct_id,
            user_pool_client_name=name,
            generate_secret=True,
            access_token_validity=Duration.hours(1),
            o_auth=cognito.OAuthSettings(flows=cognito.OAuthFlows(client_credentials=True), scopes=scopes),
        )
