"""Who may touch what: the roles and environments of the functions."""

import importlib.util
from typing import get_args

import pytest

from functions.runtime import settings
from infra.functions import FUNCTIONS, AccountChanges, BusEvents, FunctionSpec
from infra.tables import TABLES
from tests.infra.templates import Deployment

WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"}


def writers(deployment: Deployment, table: str) -> set[str]:
    return {name for name in deployment.functions if deployment.actions_on(name, table) & WRITES}


def with_action(deployment: Deployment, action: str) -> set[str]:
    return {name for name in deployment.functions for actions, _ in deployment.statements(name) if action in actions}


IN_PRODUCTION = [spec for spec in FUNCTIONS if not spec.sandbox]


@pytest.mark.parametrize("spec", IN_PRODUCTION, ids=lambda spec: spec.name)
def test_a_role_holds_the_table_rights_of_its_line_and_no_others(prod: Deployment, spec: FunctionSpec) -> None:
    for table in TABLES:
        for path in (table.name, *(f"{table.name}/index/{index.name}" for index in table.indexes)):
            assert prod.actions_on(spec.name, path) == set(spec.tables.get(path, ())), path


@pytest.mark.parametrize("spec", FUNCTIONS, ids=lambda spec: spec.name)
def test_a_function_knows_the_names_of_the_tables_it_was_granted_and_no_others(
    deployment: Deployment, spec: FunctionSpec
) -> None:
    if spec.sandbox and deployment.stage == "prod":
        assert spec.name not in deployment.functions
        return
    known = {
        deployment.resources("AWS::DynamoDB::Table")[deployment.text(value)]["TableName"]
        for name, value in deployment.functions[spec.name]["Environment"]["Variables"].items()
        if name.endswith("_TABLE")
    }
    assert known == deployment.tables_granted(spec.name)


def test_a_function_finds_its_tables_under_the_names_its_settings_read(prod: Deployment) -> None:
    assert {table.name for table in TABLES} == set(get_args(settings.Table))
    variables = prod.functions["redemption-api"]["Environment"]["Variables"]
    assert {f"{name}_TABLE" for name in ("MEMBERS", "ACCOUNTS", "ENTRIES", "REWARDS", "PROGRAM")} <= set(variables)


def test_only_the_ledger_and_those_who_commit_to_it_may_write_accounts(prod: Deployment) -> None:
    assert writers(prod, "accounts") == {
        "enrolment-api",
        "enrolment-on-member-enrolment-requested",
        "accrual-api",
        "accrual-on-partner-event",
        "accrual-on-loyalty-event",
        "redemption-api",
        "redemption-on-redemption-requested",
        "redemption-on-fulfilment-requested",  # a supplier has handed over, or cannot
        "redemption-every-minute",  # a hold ends
        "lifecycle-on-members-due",
        "lifecycle-every-hour",  # how far everybody was looked at after another programme
        "ledger-on-account-change",
        "ledger-every-hour",
        "ledger-every-night",
    }


def test_only_earning_redeeming_and_a_change_of_a_member_may_add_entries_or_refusals(prod: Deployment) -> None:
    adding = {name for name in prod.functions if "PutItem" in prod.actions_on(name, "entries")}
    assert adding == {
        "enrolment-api",  # a change of a member is an entry
        "accrual-api",
        "accrual-on-partner-event",
        "accrual-on-loyalty-event",
        "accrual-every-night",  # a refusal of what waited too long
        "redemption-api",
        "redemption-on-redemption-requested",
        "redemption-on-fulfilment-requested",
        "redemption-every-minute",
        "lifecycle-on-members-due",  # what time does is an entry like any other
    }


def test_only_what_comes_back_ends_or_leaves_may_touch_an_entry_and_only_the_night_may_free_what_waited_too_long(
    prod: Deployment,
) -> None:
    beyond = {name: prod.actions_on(name, "entries") & (WRITES - {"PutItem"}) for name in prod.functions}
    assert {name: actions for name, actions in beyond.items() if actions} == {
        "enrolment-api": {"UpdateItem"},  # notes of who has left are removed
        "accrual-api": {"UpdateItem"},
        "accrual-on-partner-event": {"UpdateItem"},
        "accrual-on-loyalty-event": {"UpdateItem"},
        "accrual-every-night": {"UpdateItem", "DeleteItem"},
        "redemption-api": {"UpdateItem"},  # a refund
        "redemption-on-fulfilment-requested": {"UpdateItem"},  # a refund that comes by itself
        "redemption-every-minute": {"UpdateItem"},  # a hold that has ended is not looked for any more
    }


def test_only_enrolment_may_write_profiles_and_take_identities_away(prod: Deployment) -> None:
    assert writers(prod, "members") == {"enrolment-api", "enrolment-on-member-enrolment-requested"}
    deleting = {name for name in prod.functions if "DeleteItem" in prod.actions_on(name, "members")}
    assert deleting == {"enrolment-api"}


def test_only_mail_and_a_leaving_may_touch_what_was_written_to_members(prod: Deployment) -> None:
    assert writers(prod, "messages") == {"enrolment-api", "notifications-on-loyalty-event"}
    deleting = {name for name in prod.functions if "DeleteItem" in prod.actions_on(name, "messages")}
    assert deleting == {"enrolment-api"}


def test_only_the_programme_may_change_the_programme(prod: Deployment) -> None:
    assert writers(prod, "program") == {"program-api"}


def test_only_queue_consumers_and_the_publishers_may_put_events(prod: Deployment) -> None:
    assert with_action(prod, "events:PutEvents") == {
        "enrolment-on-member-enrolment-requested",
        "accrual-on-partner-event",
        "accrual-on-loyalty-event",
        "accrual-every-night",
        "redemption-on-redemption-requested",
        "redemption-on-fulfilment-requested",
        "lifecycle-on-members-due",
        "lifecycle-every-hour",
        "ledger-on-account-change",
        "ledger-every-hour",
    }


def test_only_who_asks_suppliers_may_read_the_secret_that_signs_and_no_other_secret(deployment: Deployment) -> None:
    (secret,) = deployment.resources("AWS::SecretsManager::Secret")
    reading = [
        (name, actions, arns)
        for name in deployment.functions
        for actions, arns in deployment.statements(name)
        if any(action.startswith("secretsmanager:") for action in actions)
    ]
    assert reading == [("redemption-on-fulfilment-requested", {"secretsmanager:GetSecretValue"}, {secret})]


def test_who_asks_suppliers_knows_the_name_of_the_secret_and_nobody_else_does(deployment: Deployment) -> None:
    knowing = {
        name: made["Environment"]["Variables"]["SUPPLIER_SECRET"]
        for name, made in deployment.functions.items()
        if "SUPPLIER_SECRET" in made["Environment"]["Variables"]
    }
    (secret,) = deployment.resources("AWS::SecretsManager::Secret").values()
    assert knowing == {"redemption-on-fulfilment-requested": secret["Name"]}
    assert secret["Name"] == f"fidelio-{deployment.stage}-suppliers"


def test_only_in_the_local_stage_may_a_function_call_its_own_machine(deployment: Deployment) -> None:
    allowed = {
        name: made["Environment"]["Variables"]["LOCAL_ENDPOINTS"]
        for name, made in deployment.functions.items()
        if "LOCAL_ENDPOINTS" in made["Environment"]["Variables"]
    }
    assert allowed == ({"redemption-on-fulfilment-requested": "yes"} if deployment.stage == "local" else {})


def test_who_ends_holds_reaches_no_profile(prod: Deployment) -> None:
    # The programme tells when the account is due next.
    tables = {"fidelio-prod-accounts", "fidelio-prod-entries", "fidelio-prod-program", "fidelio-prod-rewards"}
    assert prod.tables_granted("redemption-every-minute") == tables
    assert with_action(prod, "dynamodb:DeleteItem").isdisjoint({"redemption-every-minute", "redemption-api"})


def test_who_asks_suppliers_can_issue_no_voucher_and_reaches_no_profile(prod: Deployment) -> None:
    name = "redemption-on-fulfilment-requested"
    assert prod.actions_on(name, "rewards") == {"UpdateItem"}
    assert "fidelio-prod-members" not in prod.tables_granted(name)


def test_only_notifications_may_send_mail(prod: Deployment) -> None:
    assert with_action(prod, "ses:SendEmail") == {"notifications-on-loyalty-event"}


def test_only_the_sweep_and_the_proof_may_scan(prod: Deployment) -> None:
    assert with_action(prod, "dynamodb:Scan") == {"ledger-every-hour", "ledger-every-night", "lifecycle-every-hour"}


def test_a_publisher_knows_the_bus_and_a_sender_its_address(prod: Deployment) -> None:
    for variable, action in (("BUS_NAME", "events:PutEvents"), ("SENDER", "ses:SendEmail")):
        knowing = {name for name, made in prod.functions.items() if variable in made["Environment"]["Variables"]}
        assert knowing == with_action(prod, action)


def test_a_queue_consumer_may_park_messages_in_its_own_dead_letter_queue_only(prod: Deployment) -> None:
    for spec in FUNCTIONS:
        if isinstance(spec.trigger, BusEvents):
            url = prod.text(prod.functions[spec.name]["Environment"]["Variables"]["DEAD_LETTER_QUEUE_URL"])
            parks = [arns for actions, arns in prod.statements(spec.name) if "sqs:SendMessage" in actions]
            assert parks == [{f"{url}.Arn"}]
            assert prod.resources("AWS::SQS::Queue")[url]["QueueName"] == f"fidelio-prod-{spec.name}-dead-letters"


def test_only_the_stream_function_may_read_the_stream(prod: Deployment) -> None:
    expected = {spec.name for spec in FUNCTIONS if isinstance(spec.trigger, AccountChanges)}
    assert with_action(prod, "dynamodb:GetRecords") == expected


def test_the_scheduler_may_start_its_function_and_leave_dead_letters_and_nothing_else(prod: Deployment) -> None:
    policies = prod.resources("AWS::IAM::Policy").values()
    for schedule in prod.resources("AWS::Scheduler::Schedule").values():
        role = prod.text(schedule["Target"]["RoleArn"]).removesuffix(".Arn")
        (policy,) = [made for made in policies if role in map(prod.text, made["Roles"])]
        assert list(prod.granted(policy["PolicyDocument"])) == [
            ({"lambda:InvokeFunction"}, {prod.text(schedule["Target"]["Arn"])}),
            ({"sqs:SendMessage"}, {prod.text(schedule["Target"]["DeadLetterConfig"]["Arn"])}),
        ]


@pytest.mark.parametrize("spec", FUNCTIONS, ids=lambda spec: spec.name)
def test_the_code_of_a_function_is_where_its_name_says(local: Deployment, spec: FunctionSpec) -> None:
    handler = local.functions[spec.name]["Handler"]
    module, _, name = handler.rpartition(".")
    assert name == "handler"
    assert importlib.util.find_spec(module) is not None, f"{module} is not in the package"
