"""Backup and restore as docs/operating.md has it: its commands, in their order, on the tables.

The local AWS knows the commands; that a deleted table is restored to its last moment only, and that
a protected one is not deleted, it leaves to these tests.
"""

import re
import shlex
from typing import Any

import boto3
import pytest

from aws.config import Config
from aws.provision import provision
from aws.stack.release import ROOT
from aws.stack.steps import protect_tables

COMMAND = re.compile(r"aws dynamodb ((?:wait )?[a-z-]+)((?:\\\n|[^\n`])*)")
RIGHT, WRONG = {"job_id": {"S": "right"}}, {"job_id": {"S": "wrong"}}


def commands() -> list[tuple[str, dict[str, Any]]]:
    """The documented DynamoDB commands of a restore: operations, and parameters for boto3."""
    text = (ROOT / "docs" / "operating.md").read_text()
    section = text.partition("## Backup and restore")[2].partition("\n## ")[0]
    found = []
    for match in COMMAND.finditer(section):
        words = shlex.split(match[2].replace("\\\n", " "))
        found.append((match[1], _parameters(words)))
    return found


def _parameters(words: list[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            off = word.startswith("--no-")
            name = camel(word.removeprefix("--no-").removeprefix("--"))
            given[name] = not off
        else:
            part, equals, value = word.partition("=")
            given[name] = {part: value == "true"} if equals else word
    return given


def camel(words: str) -> str:
    return "".join(part.capitalize() for part in words.split("-"))


@pytest.fixture
def table(config: Config) -> str:
    """A table of a stack: protected, recoverable, with one right row."""
    provision(config)
    prefix = config.gas.prefix
    name, dynamodb = f"{prefix}-annotations", boto3.client("dynamodb")
    protect_tables(dynamodb, prefix)
    dynamodb.put_item(TableName=name, Item=RIGHT)
    _recovery(name, on=True)
    return name


def _recovery(name: str, on: bool) -> None:
    boto3.client("dynamodb").update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": on}
    )


def run(operation: str, given: dict[str, Any], arn: str) -> Any:
    dynamodb = boto3.client("dynamodb")
    if "BackupArn" in given:
        given = {**given, "BackupArn": arn}
    if operation.startswith("wait "):
        return dynamodb.get_waiter(operation[5:].replace("-", "_")).wait(**given)
    if operation == "delete-table":
        described = dynamodb.describe_table(**given)["Table"]
        assert not described["DeletionProtectionEnabled"], "AWS deletes no protected table"
        assert arn, "a deleted table is restored to its last moment only: the backup comes first"
    return getattr(dynamodb, operation.replace("-", "_"))(**given)


def test_the_documented_commands_bring_the_rows_back(table: str) -> None:
    dynamodb, arn = boto3.client("dynamodb"), ""
    prefix = table.removesuffix("-annotations")
    done = []
    for operation, given in commands():
        named = {
            name: value.replace("PREFIX", prefix) if isinstance(value, str) else value
            for name, value in given.items()
        }
        reply = run(operation, named, arn)
        if operation == "restore-table-to-point-in-time":
            dynamodb.put_item(TableName=table, Item=WRONG)  # the damage, after that moment
        if operation == "create-backup":
            arn = reply["BackupDetails"]["BackupArn"]
        done.append(operation)
    assert dynamodb.scan(TableName=table)["Items"] == [RIGHT]
    described = dynamodb.describe_table(TableName=table)["Table"]
    assert described["DeletionProtectionEnabled"] is True
    assert len(described["GlobalSecondaryIndexes"]) == 2
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    assert recovery == "ENABLED"
    assert done[0] == "restore-table-to-point-in-time"
