import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local.server import app
from local.server.app import LocalAWS
from local.server.control import ControlSettings
from tests.conftest import PATIENCE_S, Handle
from tests.local.conftest import NEVER_S, Clients, make_table

ROOT = Path(__file__).parents[3]
CLAIMS = 60
RIVALS = 6


@pytest.fixture(scope="module")
def hostile(local_aws: Handle) -> Iterator[Clients]:
    """The local AWS in this very process, its threads switched as often as can be."""
    before = sys.getswitchinterval()
    made = LocalAWS(0, ControlSettings())
    made.start()
    sys.setswitchinterval(1e-6)
    yield Clients(made.url)
    sys.setswitchinterval(before)
    made.stop()


@pytest.fixture
def table(hostile: Clients, name: str) -> str:
    make_table(hostile, name)
    return name


def test_a_conditional_claim_has_one_winner(hostile: Clients, table: str) -> None:
    def claim(number: int) -> bool:
        try:
            hostile.dynamodb.put_item(
                TableName=table,
                Item={"id": {"S": str(number)}},
                ConditionExpression="attribute_not_exists(id)",
            )
        except hostile.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(RIVALS) as rivals:
        won = list(rivals.map(claim, [n for n in range(CLAIMS) for _ in range(RIVALS)]))
    winners = [sum(won[i : i + RIVALS]) for i in range(0, len(won), RIVALS)]
    assert winners == [1] * CLAIMS


def test_a_counter_loses_no_count(hostile: Clients, table: str) -> None:
    def count(_: int) -> None:
        hostile.dynamodb.update_item(
            TableName=table,
            Key={"id": {"S": "counter"}},
            UpdateExpression="ADD n :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    with ThreadPoolExecutor(RIVALS) as rivals:
        list(rivals.map(count, range(120)))
    row = hostile.dynamodb.get_item(TableName=table, Key={"id": {"S": "counter"}})["Item"]
    assert row["n"] == {"N": "120"}


def test_a_message_is_delivered_once_while_it_is_hidden(hostile: Clients, name: str) -> None:
    queue = hostile.sqs.create_queue(QueueName=name)["QueueUrl"]
    for number in range(60):
        hostile.sqs.send_message(QueueUrl=queue, MessageBody=str(number))

    def receive(_: int) -> list[str]:
        reply = hostile.sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=3, VisibilityTimeout=NEVER_S
        )
        return [message["Body"] for message in reply.get("Messages", [])]

    with ThreadPoolExecutor(RIVALS) as rivals:
        got = sum(rivals.map(receive, range(40)), [])
    assert sorted(got, key=int) == [str(number) for number in range(60)]


def test_long_polls_keep_nobody_waiting_and_end_with_the_message(
    hostile: Clients, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else ends them here, however long the machine takes."""
    wait = app.WAIT
    monkeypatch.setattr(app, "WAIT", lambda queue, _: wait(queue, NEVER_S))
    queue = hostile.sqs.create_queue(QueueName=name)["QueueUrl"]
    got: list[str] = []

    def poll() -> None:
        reply = hostile.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)
        got.extend(message["Body"] for message in reply.get("Messages", []))

    polls = [threading.Thread(target=poll, daemon=True) for _ in range(10)]
    for each in polls:
        each.start()
    for number in range(10):
        hostile.sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    for each in polls:
        each.join(PATIENCE_S)
    assert sorted(got, key=int) == [str(number) for number in range(10)]


def test_a_sender_that_stalls_keeps_nobody_waiting(aws: Clients) -> None:
    port = urlsplit(aws.url).port
    with socket.create_connection(("localhost", port)) as stalled:
        stalled.sendall(b"PUT /bucket/key HTTP/1.1\r\nContent-Length: 1000\r\n\r\nsome")
        assert aws.sqs.list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_it_listens_on_loopback_only(aws: Clients) -> None:
    port = f":{urlsplit(aws.url).port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = [line.split()[1] for line in lines if line.split()[3] == "0A"]
    assert [at for at in listening if at.endswith(port)] == [f"0100007F{port}"]


def test_it_serves_until_it_is_told_to_stop(local_aws: Handle, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local.server.app", "--port", "0", "--data", str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr
        assert "local AWS at" in child.stderr.readline()
        child.terminate()
        assert child.wait(PATIENCE_S) == 0
