"""Everything that runs: bus, functions, gateway, alarms. What must be kept is in the data stack."""

from collections.abc import Iterator, Mapping, Sequence

from aws_cdk import App, CfnOutput, Duration, Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ses as ses
from constructs import Construct

from infra.alarms import FIVE_MINUTES, ONE_HOUR, Alarms, Symptom
from infra.contract import operations, scopes
from infra.data_stack import DataStack
from infra.functions import FUNCTIONS, AccountChanges, BusEvents, FunctionSpec, Http, Sweep
from infra.gateway import Gateway
from infra.loyalty_function import METRICS, House, LoyaltyFunction
from infra.queues import QueuedFunction
from infra.schedule import ScheduledFunction
from infra.stage import Stage
from infra.stream import StreamedFunction


class ServiceStack(Stack):
    """`fidelio-<stage>-service`."""

    def __init__(
        self,
        app: App,
        stage: Stage,
        env: Environment | None,
        *,
        data: DataStack,
        code: lambda_.Code,
        sender: str,
        receipt_namespaces: Mapping[str, Sequence[str]],
        alarm_email: str | None,
    ) -> None:
        super().__init__(
            app,
            stage.name_of("service"),
            env=env,
            description="Fidelio: bus, functions, API and alarms",
            termination_protection=stage.protected,
        )
        alarms = Alarms(self, "Alarms", stage=stage, email=alarm_email)
        gateway = Gateway(self, "Gateway", stage=stage, identity=data.identity, alarms=alarms)
        house = House(
            stage=stage,
            code=code,
            tables=data.tables,
            bus=events.EventBus(self, "Bus", event_bus_name=f"fidelio-{stage.name}"),
            sender=sender,
            mail=ses.EmailIdentity(self, "Sender", identity=ses.Identity.email(sender)),
            returned=_returned(self, stage),
            alarms=alarms,
            supplier_secret=data.supplier_secret,
            links_secret=data.links_secret,
            api_url=gateway.url,
            webhook_secret=data.webhook_secret,
            receipt_namespaces={
                _known_as(name, data): namespace for namespace, names in receipt_namespaces.items() for name in names
            },
        )
        absent = {spec.name for spec in FUNCTIONS if not house.stage.has(spec.sandbox)}
        gateway.serve(tuple(one for one in operations() if one.function not in absent), self._functions(house))
        for symptom in _told_by_functions():
            alarms.watch(self, symptom)
        self._outputs(data, house, gateway, stage)

    def _functions(self, house: House) -> dict[str, lambda_.Function]:
        """Deploy every function with what starts it; answer those that the gateway starts."""
        by_name = {spec.name: self._function(house, spec) for spec in FUNCTIONS if house.stage.has(spec.sandbox)}
        return {name: made.function for name, made in by_name.items() if isinstance(made, LoyaltyFunction)}

    def _function(
        self, house: House, spec: FunctionSpec
    ) -> LoyaltyFunction | QueuedFunction | StreamedFunction | ScheduledFunction:
        match spec.trigger:
            case Http():
                return LoyaltyFunction(self, spec.name, house, spec)
            case BusEvents() as trigger:
                return QueuedFunction(self, spec.name, house, spec, trigger)
            case AccountChanges():
                return StreamedFunction(self, spec.name, house, spec)
            case Sweep() as trigger:
                return ScheduledFunction(self, spec.name, house, spec, trigger)

    def _outputs(self, data: DataStack, house: House, gateway: Gateway, stage: Stage) -> None:
        partners = data.identity.partners
        outputs = {
            "ApiUrl": gateway.url,
            "ApiId": gateway.api.api_id,
            "UserPoolId": data.identity.pool.user_pool_id,
            "ClientIds": " ".join(f"{name}={client.user_pool_client_id}" for name, client in partners.items()),
            "TokenUrl": data.identity.token_url,
            "BusName": house.bus.event_bus_name,
            "SupplierSecret": stage.suppliers_secret,
            "Scopes": " ".join(scopes(operations())),
        }
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)


def _told_by_functions() -> Iterator[Symptom]:
    """What only the functions can see, and put into metrics of their own."""

    def metric(service: str, name: str, statistic: str, period: Duration) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=METRICS,
            metric_name=name,
            dimensions_map={"service": service},
            statistic=statistic,
            period=period,
        )

    drift = metric("ledger", "AccountsInDrift", "Maximum", ONE_HOUR)
    meaning = "An account disagrees with its entries: run `loyalty prove`, then `loyalty repair --dry-run`."
    yield Symptom("ledger", "drift", drift, meaning)
    guesses = metric("redemption", "VoucherCodesGuessed", "Sum", FIVE_MINUTES)
    meaning = "Somebody asks for voucher codes that are nobody's: the log of redemption-api names the caller."
    yield Symptom("redemption", "guessing", guesses, meaning, at_least=20)
    parked = metric("webhooks", "DeliveriesParked", "Sum", FIVE_MINUTES)
    meaning = "Events could not be delivered to a partner: the log of webhooks-on-deliveries-due names the webhook."
    yield Symptom("webhooks", "parked", parked, meaning)


def _returned(scope: Construct, stage: Stage) -> ses.ConfigurationSet:
    """Mails that come back are told to the account's own bus: SES tells no other."""
    told = ses.ConfigurationSet(scope, "Mail", configuration_set_name=stage.name_of("mail"))
    bus = events.EventBus.from_event_bus_name(scope, "AccountBus", "default")
    told.add_event_destination(
        "Returned",
        destination=ses.EventDestination.event_bus(bus),
        events=[ses.EmailSendingEvent.BOUNCE, ses.EmailSendingEvent.COMPLAINT],
    )
    return told


def _known_as(name: str, data: DataStack) -> str:
    """How functions see who calls: a partner by its client id, anything else is a source of events."""
    partner = data.identity.partners.get(name)
    return partner.user_pool_client_id if partner else name
