"""Backup and restore as docs/operating.md has it: its commands, in their order, on the tables.

The local AWS knows the commands; that a deleted table is restored to its last moment only, and that
a protected one is not deleted, it leaves to these tests. Its buckets keep versions when told to.
"""

import re
import shlex
from typing import Any

import boto3
import pytest

from aws.config import Config
from aws.provision import provision
from aws.resources import World
from aws.stack.release import ROOT
from aws.stack.steps import protect_tables
from tests import builders, daemons
from tests.conftest import Clock

COMMAND = re.compile(r"aws (dynamodb|s3api) ((?:wait )?[a-z-]+)((?:\\\n|[^\n`])*)")
RIGHT, WRONG = {"job_id": {"S": "right"}}, {"job_id": {"S": "wrong"}}


def commands(service: str) -> list[tuple[str, dict[str, Any]]]:
    """The documented commands of a restore to a service: operations, and parameters for boto3."""
    text = (ROOT / "docs" / "operating.md").read_text()
    section = text.partition("## Backup and restore")[2].partition("\n## ")[0]
    found = []
    for match in COMMAND.finditer(section):
        words = shlex.split(match[3].replace("\\\n", " "))
        if match[1] == service:
            found.append((match[2], _parameters(words)))
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
    for operation, given in commands("dynamodb"):
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


def test_the_documented_commands_bring_a_deleted_archive_back(world: World) -> None:
    s3, bucket = boto3.client("s3"), f"{world.config.gas.prefix}-archive"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    job = builders.archived(world, builders.user(world))
    archive_id = str(job.results_file_archive_id)
    world.vault.delete(archive_id)
    with pytest.raises(FileNotFoundError):
        world.vault.request(archive_id, job.job_id, "Standard")
    (look, where), (bring_back, what) = commands("s3api")
    assert (look, bring_back) == ("list-object-versions", "delete-object")
    prefix = where["Prefix"].replace("PREFIX", world.config.gas.prefix)
    listed = s3.list_object_versions(Bucket=bucket, Prefix=prefix.replace("USER", job.user_id))
    (marker,) = listed["DeleteMarkers"]
    assert what.keys() == {"Bucket", "Key", "VersionId"}
    s3.delete_object(Bucket=bucket, Key=marker["Key"], VersionId=marker["VersionId"])
    assert world.vault.request(archive_id, job.job_id, "Standard")
    assert s3.head_object(Bucket=bucket, Key=marker["Key"])["StorageClass"] == "GLACIER"


def test_results_come_and_go_where_deleted_archives_are_kept(world: World, clock: Clock) -> None:
    """A deletion then leaves a marker, which must be no archive to anybody."""
    s3, prefix = boto3.client("s3"), world.config.gas.prefix
    for kind in ("results", "archive"):
        s3.put_bucket_versioning(
            Bucket=f"{prefix}-{kind}", VersioningConfiguration={"Status": "Enabled"}
        )
    owner = builders.user(world)
    job = builders.archived(world, owner)
    for premium in (True, False, True):
        builders.change_role(world, owner.user_id, premium)
        daemons.bring_to_rest(world, clock, daemons.handlers())
        daemons.take_stock(world)
    job = world.jobs.get(job.job_id)
    assert builders.result_bytes(world, job) == daemons.BODY
    assert "Contents" not in s3.list_objects_v2(Bucket=f"{prefix}-archive")
    assert s3.list_object_versions(Bucket=f"{prefix}-archive")["DeleteMarkers"]
