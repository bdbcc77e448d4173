"""The tables that are deployed, and those that the functional tests make from the same definitions."""

import boto3
import pytest
from moto import mock_aws

from infra.tables import TABLES, Table, create_table_request, physical_name
from tests.infra.templates import Deployment


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_of_the_tests_has_the_keys_and_the_stream_of_the_deployed_one(prod: Deployment, table: Table) -> None:
    (made,) = [
        made
        for made in prod.resources("AWS::DynamoDB::Table").values()
        if made["TableName"] == physical_name("prod", table)
    ]
    request = create_table_request(table, physical_name("prod", table))
    for field in ("BillingMode", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes"):
        assert request.get(field) == made.get(field), field
    stream = request.get("StreamSpecification", {}).get("StreamViewType")
    assert stream == made.get("StreamSpecification", {}).get("StreamViewType")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@mock_aws
def test_a_table_request_is_one_that_dynamodb_takes(table: Table) -> None:
    dynamodb = boto3.client("dynamodb", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    dynamodb.create_table(**create_table_request(table, "any"))
    assert dynamodb.describe_table(TableName="any")["Table"]["TableStatus"] == "ACTIVE"


def test_every_table_can_be_restored_to_any_second(deployment: Deployment) -> None:
    for table in deployment.resources("AWS::DynamoDB::Table").values():
        recovery = table["PointInTimeRecoverySpecification"]
        assert recovery == {"PointInTimeRecoveryEnabled": True}, table["TableName"]


def test_every_table_in_production_is_protected_from_deletion(deployment: Deployment) -> None:
    for table in deployment.resources("AWS::DynamoDB::Table").values():
        assert table["DeletionProtectionEnabled"] is (deployment.stage == "prod"), table["TableName"]


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::Table", "AWS::Cognito::UserPool", "AWS::SecretsManager::Secret"])
def test_what_holds_state_outlives_its_stack_in_the_cloud(deployment: Deployment, kind: str) -> None:
    kept = ("Delete", "Delete") if deployment.stage == "local" else ("RetainExceptOnCreate", "Retain")
    for name, made in deployment.declarations(kind).items():
        assert (made["DeletionPolicy"], made["UpdateReplacePolicy"]) == kept, name


def test_the_accounts_publish_their_changes_with_both_images(deployment: Deployment) -> None:
    streaming = {
        made["TableName"]: made["StreamSpecification"]["StreamViewType"]
        for made in deployment.resources("AWS::DynamoDB::Table").values()
        if "StreamSpecification" in made
    }
    assert streaming == {f"fidelio-{deployment.stage}-accounts": "NEW_AND_OLD_IMAGES"}


def test_only_messages_what_was_guessed_and_what_partners_are_told_expire_by_themselves(deployment: Deployment) -> None:
    expiring = {
        made["TableName"]: made["TimeToLiveSpecification"]["AttributeName"]
        for made in deployment.resources("AWS::DynamoDB::Table").values()
        if "TimeToLiveSpecification" in made
    }
    expected = ("messages", "rewards", "webhooks", "feed")
    assert expiring == {f"fidelio-{deployment.stage}-{table}": "expires_at" for table in expected}
