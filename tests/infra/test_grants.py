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
        "enrolment-links-api",
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
        "enrolment-links-api",  # and so is that a member wants no more mails
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
    assert writers(prod, "members") == {
        "enrolment-api",
        "enrolment-links-api",
        "enrolment-on-member-enrolment-requested",
    }
    deleting = {name for name in prod.functions if "DeleteItem" in prod.actions_on(name, "members")}
    assert deleting == {"enrolment-api"}


def test_only_messages_and_a_leaving_may_touch_what_was_written_to_members(prod: Deployment) -> None:
    assert {name: prod.actions_on(name, "messages") & WRITES for name in writers(prod, "messages")} == {
        "enrolment-api": {"PutItem", "DeleteItem"},  # who leaves gets one last mail, and the others go
        "notifications-api": {"UpdateItem"},  # what was read
        "notifications-on-loyalty-event": {"PutItem", "DeleteItem"},  # it takes back what meets a leaving
        "notifications-on-email-due": {"UpdateItem", "DeleteItem"},  # the last mail goes once it is sent
        "notifications-on-sms-due": {"UpdateItem", "DeleteItem"},
        "notifications-on-mail-returned": {"UpdateItem"},
    }


def test_what_waits_to_go_out_is_seen_by_who_lets_it_go_out_and_by_nobody_else(prod: Deployment) -> None:
    seeing = {name for name in prod.functions if prod.actions_on(name, "messages/index/waiting")}
    assert seeing == {"notifications-every-minute"}


def test_who_hears_of_mails_that_came_back_reaches_no_profile_and_tells_nobody(prod: Deployment) -> None:
    name = "notifications-on-mail-returned"
    assert prod.tables_granted(name) == {"fidelio-prod-messages"}
    assert name not in with_action(prod, "events:PutEvents") | with_action(prod, "ses:SendEmail")


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
        "notifications-on-loyalty-event",  # that a message is due
        "notifications-every-minute",
        "ledger-on-account-change",
        "ledger-every-hour",
        "webhooks-api",  # what waits is due: on the bus, to themselves
        "webhooks-on-loyalty-event",
        "webhooks-on-deliveries-due",
        "webhooks-every-minute",
    }


READERS = {
    "suppliers": {"redemption-on-fulfilment-requested"},
    "links": {"enrolment-links-api", "notifications-on-email-due"},
    "webhooks": {"webhooks-api", "webhooks-on-deliveries-due"},
}
"""Who may read which secret: who signs calls to suppliers, who makes links in mails or is called by them, and who signs
webhooks or shows a secret that was just made."""
VARIABLES = {"SUPPLIER_SECRET": "suppliers", "LINKS_SECRET": "links", "WEBHOOK_SECRET": "webhooks"}


@pytest.mark.parametrize("secret", READERS)
def test_a_secret_is_read_by_those_who_sign_with_it_and_by_nobody_else(deployment: Deployment, secret: str) -> None:
    full_name = f"fidelio-{deployment.stage}-{secret}"
    secrets = deployment.resources("AWS::SecretsManager::Secret")
    [arn] = [name for name, made in secrets.items() if made["Name"] == full_name]
    reading = {
        name
        for name in deployment.functions
        for actions, arns in deployment.statements(name)
        if arn in arns and actions == {"secretsmanager:GetSecretValue"}
    }
    assert reading == READERS[secret]


def test_nobody_reads_a_secret_that_is_none_of_theirs(deployment: Deployment) -> None:
    reading = sorted(
        name
        for name in deployment.functions
        for actions, arns in deployment.statements(name)
        for _ in arns
        if any(action.startswith("secretsmanager:") for action in actions)
    )
    assert reading == sorted(name for names in READERS.values() for name in names)


@pytest.mark.parametrize("variable", VARIABLES)
def test_who_signs_knows_the_name_of_the_secret_and_nobody_else_does(deployment: Deployment, variable: str) -> None:
    knowing = {
        name: made["Environment"]["Variables"][variable]
        for name, made in deployment.functions.items()
        if variable in made["Environment"]["Variables"]
    }
    secret = VARIABLES[variable]
    assert knowing == dict.fromkeys(READERS[secret], f"fidelio-{deployment.stage}-{secret}")


def test_only_in_the_local_stage_may_a_function_call_its_own_machine(deployment: Deployment) -> None:
    allowed = {
        name: made["Environment"]["Variables"]["LOCAL_ENDPOINTS"]
        for name, made in deployment.functions.items()
        if "LOCAL_ENDPOINTS" in made["Environment"]["Variables"]
    }
    calling = READERS["suppliers"] | READERS["webhooks"]
    assert allowed == (dict.fromkeys(calling, "yes") if deployment.stage == "local" else {})


def test_who_tells_partners_reaches_nothing_of_the_books_and_no_profile(prod: Deployment) -> None:
    for spec in FUNCTIONS:
        if spec.room == "webhooks":
            assert prod.tables_granted(spec.name) <= {"fidelio-prod-webhooks", "fidelio-prod-feed"}, spec.name
            assert "DeleteItem" not in prod.actions_on(spec.name, "webhooks"), spec.name
    others = {spec.name for spec in FUNCTIONS if spec.room != "webhooks"}
    assert {name for name in prod.functions if prod.actions_on(name, "feed")}.isdisjoint(others)
    assert writers(prod, "feed") == {"webhooks-on-loyalty-event"}


def test_who_ends_holds_reaches_no_profile(prod: Deployment) -> None:
    # The programme tells when the account is due next.
    tables = {"fidelio-prod-accounts", "fidelio-prod-entries", "fidelio-prod-program", "fidelio-prod-rewards"}
    assert prod.tables_granted("redemption-every-minute") == tables
    assert with_action(prod, "dynamodb:DeleteItem").isdisjoint({"redemption-every-minute", "redemption-api"})


def test_who_asks_suppliers_can_issue_no_voucher_and_reaches_no_profile(prod: Deployment) -> None:
    name = "redemption-on-fulfilment-requested"
    assert prod.actions_on(name, "rewards") == {"UpdateItem"}
    assert "fidelio-prod-members" not in prod.tables_granted(name)


def test_only_who_sends_mails_may_and_only_from_the_address_of_the_programme(prod: Deployment) -> None:
    assert with_action(prod, "ses:SendEmail") == {"notifications-on-email-due"}
    [arns] = [arns for actions, arns in prod.statements("notifications-on-email-due") if "ses:SendEmail" in actions]
    [identity] = prod.resources("AWS::SES::EmailIdentity")
    assert len(arns) == 2
    assert [arn for arn in arns if arn.endswith(":configuration-set/fidelio-prod-mail")]
    assert [arn for arn in arns if f":identity/{identity}" in arn]


def test_only_who_sends_text_messages_may_and_to_telephones_only(prod: Deployment) -> None:
    assert with_action(prod, "sns:Publish") == {"notifications-on-sms-due"}
    [arns] = [arns for actions, arns in prod.statements("notifications-on-sms-due") if "sns:Publish" in actions]
    assert arns == {"not arn:*:sns:*:*:*"}


def test_who_sends_mails_sends_no_text_messages_so_that_each_can_break_alone(prod: Deployment) -> None:
    queues = {
        name: prod.functions[name]["Environment"]["Variables"]["DEAD_LETTER_QUEUE_URL"]
        for name in ("notifications-on-email-due", "notifications-on-sms-due")
    }
    assert prod.text(queues["notifications-on-email-due"]) != prod.text(queues["notifications-on-sms-due"])


def test_only_the_sweep_and_the_proof_may_scan(prod: Deployment) -> None:
    assert with_action(prod, "dynamodb:Scan") == {"ledger-every-hour", "ledger-every-night", "lifecycle-every-hour"}


def test_a_publisher_knows_the_bus_and_a_sender_its_address(prod: Deployment) -> None:
    sending = (("BUS_NAME", "events:PutEvents"), ("SENDER", "ses:SendEmail"), ("CONFIGURATION_SET", "ses:SendEmail"))
    for variable, action in sending:
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
