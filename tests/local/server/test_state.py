import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aws.provision import create_bucket
from local.addresses import free_port
from local.server.app import LocalAWS
from local.server.control import ControlSettings
from local.server.sqlite import RowFile
from tests.conftest import Handle
from tests.local.conftest import Clients, eventually
from tests.local.server.test_glacier import ask, output, store

ROOT = Path(__file__).parents[3]
KEY = "gas/user/job~1/é ~+&=#?%.vcf"
LARGE = os.urandom(6_000_000)


class Server:
    """A local AWS in a process of its own, over one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.aws = Clients(f"http://localhost:{self.port}")
        self.child: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "local.server.app", "--port", str(self.port)]
        command += ["--data", str(self.folder), "--standard-s", "0.1"]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.child = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
        assert self.child.stderr
        assert "local AWS at" in self.child.stderr.readline()

    def stop(self, number: int = signal.SIGTERM) -> None:
        assert self.child
        self.child.send_signal(number)
        self.child.communicate()

    def restart(self, number: int = signal.SIGTERM) -> None:
        self.stop(number)
        self.start()

    def bodies(self) -> set[str]:
        return {path.name for path in (self.folder / "bodies").iterdir()}

    def saved(self) -> bool:
        """Whether the last object written is in the folder by now."""
        records = RowFile(self.folder / "state.db")
        keys = [key for key, _ in records.of("object")]
        records.close()
        return "results/large" in keys


@pytest.fixture
def server(local_aws: Handle, tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    made.start()
    yield made
    made.stop()


def fill(aws: Clients) -> str:
    """Put something of every kind in; return the id of an archive."""
    create_bucket(aws.s3, "results", aws.s3.meta.region_name)
    aws.dynamodb.create_table(
        TableName="jobs",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "user", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "user_index",
                "KeySchema": [{"AttributeName": "user", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    aws.dynamodb.put_item(TableName="jobs", Item=ROW)
    aws.dynamodb.update_item(
        TableName="jobs",
        Key={"id": {"S": "1"}},
        UpdateExpression="SET n = :n",
        ExpressionAttributeValues={":n": {"N": "2.5"}},
    )
    aws.secretsmanager.create_secret(Name="gas/web", SecretString='{"key": "value"}')
    aws.ses.verify_email_identity(EmailAddress="gas@localhost")
    aws.ses.send_email(
        Source="gas@localhost",
        Destination={"ToAddresses": ["ada@example.org"]},
        Message={"Subject": {"Data": "done"}, "Body": {"Text": {"Data": "Your job is done."}}},
    )
    aws.glacier.create_vault(vaultName="gas")
    archive_id = store(aws, "gas", b"archived", "job 1")
    cold = {"StorageClass": "GLACIER", "ContentType": "text/x-vcf", "Metadata": {"who": "ada"}}
    aws.s3.put_object(Bucket="results", Key=KEY, Body=b"cold", **cold)
    aws.s3.put_object(Bucket="results", Key="large", Body=LARGE)
    return archive_id


ROW: dict[str, Any] = {
    "id": {"S": "1"},
    "user": {"S": "ada"},
    "existed": {"BOOL": True},
    "outbox": {"L": [{"M": {"topic": {"S": "results"}}}]},
}


def assert_filled(aws: Clients, archive_id: str) -> None:
    reply = aws.dynamodb.query(
        TableName="jobs",
        IndexName="user_index",
        KeyConditionExpression="#u = :u",
        ExpressionAttributeNames={"#u": "user"},
        ExpressionAttributeValues={":u": {"S": "ada"}},
    )
    assert reply["Items"] == [{**ROW, "n": {"N": "2.5"}}]
    assert aws.secretsmanager.get_secret_value(SecretId="gas/web")["SecretString"] == (
        '{"key": "value"}'
    )
    assert aws.ses.list_identities()["Identities"] == ["gas@localhost"]
    head = aws.s3.head_object(Bucket="results", Key=KEY)
    assert (head["StorageClass"], head["ContentType"]) == ("GLACIER", "text/x-vcf")
    assert head["Metadata"] == {"who": "ada"}
    assert aws.s3.get_object(Bucket="results", Key="large")["Body"].read() == LARGE
    assert output(aws, "gas", ask(aws, "gas", archive_id)) == b"archived"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_everything_survives_a_stop(server: Server, number: int) -> None:
    archive_id = fill(server.aws)
    modified = server.aws.s3.head_object(Bucket="results", Key=KEY)["LastModified"]
    server.restart(number)
    assert_filled(server.aws, archive_id)
    assert server.aws.s3.head_object(Bucket="results", Key=KEY)["LastModified"] == modified
    server.restart(number)
    assert_filled(server.aws, archive_id)


def test_everything_survives_in_any_region(
    local_aws: Handle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    server = Server(tmp_path)
    server.start()
    archive_id = fill(server.aws)
    server.restart()
    assert_filled(server.aws, archive_id)
    server.stop()


def test_what_is_kept_is_read_by_its_owner_only(server: Server, tmp_path: Path) -> None:
    """Keys, uploads and mail; also where an earlier release had left them to everybody."""
    fill(server.aws)
    server.stop()
    kept = [tmp_path / name for name in ("state.db", "bodies", "archives")]
    for path in kept:
        path.chmod(0o755)
    server.start()
    files = [*kept, *kept[1].iterdir(), *kept[2].iterdir()]
    assert len(files) > len(kept)
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []


def test_a_kill_loses_no_more_than_the_last_seconds(server: Server) -> None:
    archive_id = fill(server.aws)
    eventually(server.saved)
    server.restart(signal.SIGKILL)
    assert_filled(server.aws, archive_id)


def test_what_was_deleted_stays_deleted(server: Server) -> None:
    archive_id = fill(server.aws)
    server.restart()
    server.aws.s3.delete_object(Bucket="results", Key="large")
    server.aws.dynamodb.delete_item(TableName="jobs", Key={"id": {"S": "1"}})
    server.aws.glacier.delete_archive(vaultName="gas", archiveId=archive_id)
    server.restart()
    listed = server.aws.s3.list_objects_v2(Bucket="results")["Contents"]
    assert [item["Key"] for item in listed] == [KEY]
    assert server.aws.dynamodb.scan(TableName="jobs")["Items"] == []
    assert server.aws.glacier.describe_vault(vaultName="gas")["NumberOfArchives"] == 0
    assert len(server.bodies()) == 1
    assert list((server.folder / "archives").iterdir()) == []


def test_what_was_deleted_stays_deleted_in_a_bucket_with_versions_too(server: Server) -> None:
    """docs/operating.md has operators look for markers, and some try that here first."""
    fill(server.aws)
    enabled = {"Status": "Enabled"}
    server.aws.s3.put_bucket_versioning(Bucket="results", VersioningConfiguration=enabled)
    server.aws.s3.delete_object(Bucket="results", Key="large")
    server.restart()
    listed = server.aws.s3.list_objects_v2(Bucket="results")["Contents"]
    assert [item["Key"] for item in listed] == [KEY]


def test_a_kill_takes_all_back_to_one_instant(server: Server) -> None:
    """What was deleted since the last save is there again, as the rows that name it are."""
    archive_id = fill(server.aws)
    eventually(server.saved)
    server.aws.glacier.delete_archive(vaultName="gas", archiveId=archive_id)
    server.aws.s3.delete_object(Bucket="results", Key="large")
    server.restart(signal.SIGKILL)
    kept = server.aws.glacier.describe_vault(vaultName="gas")["NumberOfArchives"]
    large = [i["Key"] for i in server.aws.s3.list_objects_v2(Bucket="results")["Contents"]]
    assert (kept, "large" in large) in ((1, True), (0, False))


def test_an_object_is_written_once_and_its_successor_replaces_it(server: Server) -> None:
    fill(server.aws)
    server.restart()
    before = server.bodies()
    server.restart()
    assert server.bodies() == before
    server.aws.s3.put_object(Bucket="results", Key="large", Body=b"small by now")
    server.restart()
    reply = server.aws.s3.get_object(Bucket="results", Key="large")
    assert reply["Body"].read() == b"small by now"
    assert len(server.bodies() - before) == len(before - server.bodies()) == 1


def test_a_save_that_fails_is_made_up_for(
    local_aws: Handle, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = LocalAWS(0, ControlSettings(), tmp_path)
    made.start()
    assert made.state
    s3 = Clients(made.url).s3
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="kept", Body=b"kept")
    made.state.save()
    s3.put_object(Bucket=name, Key="large", Body=LARGE)
    s3.delete_object(Bucket=name, Key="kept")
    with monkeypatch.context() as patch:
        patch.setattr(made.state.rows, "save", _full)
        with pytest.raises(OSError, match="No space"):
            made.state.save()
    made.state.save()
    keys = [key for key, _ in made.state.rows.of("object") if key.startswith(name)]
    (row,) = [row for key, row in made.state.rows.of("object") if key == f"{name}/large"]
    assert keys == [f"{name}/large"]
    assert (tmp_path / "bodies" / row["body"]).read_bytes() == LARGE
    made.stop()


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")
