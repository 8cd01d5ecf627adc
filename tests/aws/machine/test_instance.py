"""An annotator's instance against a metadata service and an Auto Scaling API."""

import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from aws.limits import DAEMON
from aws.machine.instance import GROUP_TAG, IDLE_S, POLL_S, GroupInstance, Instance
from tests.aws.stack.edge import Edge, RefusedError
from tests.aws.stack.imds import FakeImds
from tests.conftest import PATIENCE_S

GROUP = "instance-test"
STATE = "autoscaling/target-lifecycle-state"


@pytest.fixture
def group(edge: Edge) -> Iterator[Any]:
    """A group of one instance; yields a function that describes that instance."""
    autoscaling, ec2 = boto3.client("autoscaling"), boto3.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    autoscaling.create_launch_configuration(
        LaunchConfigurationName=GROUP, ImageId=image, InstanceType="t3.small"
    )
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=GROUP,
        LaunchConfigurationName=GROUP,
        MinSize=1,
        MaxSize=1,
        AvailabilityZones=["us-east-1a"],
    )

    def instance() -> dict[str, Any]:
        found = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])
        return dict(found["AutoScalingGroups"][0]["Instances"][0])

    yield instance
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName=GROUP, ForceDelete=True)
    autoscaling.delete_launch_configuration(LaunchConfigurationName=GROUP)


@pytest.fixture
def imds(group: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeImds]:
    metadata = {
        GROUP_TAG: GROUP,
        "instance-id": group()["InstanceId"],
        "placement/region": "us-east-1",
        STATE: "InService",
    }
    server = FakeImds(("127.0.0.1", 0), metadata).start()
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)
    monkeypatch.setattr("aws.machine.imds.TIMEOUT_S", PATIENCE_S)
    yield server
    server.shutdown()
    server.server_close()


class Clock:
    """A clock in seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def detected() -> tuple[GroupInstance, Clock]:
    """This instance by a clock of the test, with time for calls on a machine under load."""
    instance = Instance.detect()
    assert isinstance(instance, GroupInstance)
    instance.autoscaling = boto3.client("autoscaling", config=DAEMON.config())
    clock = Clock()
    instance.clock = clock
    return instance, clock


def never() -> None:
    raise AssertionError("nothing is to terminate this instance")


def protections(edge: Edge) -> list[str]:
    return [call["ProtectedFromScaleIn"] for call in edge.called("SetInstanceProtection")]


def test_the_first_job_protects_the_instance_and_the_second_needs_no_call(
    group: Any, imds: FakeImds, edge: Edge
) -> None:
    instance, _ = detected()
    instance.busy()
    instance.busy()
    instance.tick(never)
    instance.tick(never)
    assert group()["ProtectedFromScaleIn"]
    assert protections(edge) == ["true"]


def test_an_idle_instance_gives_its_protection_up_after_a_minute(
    group: Any, imds: FakeImds, edge: Edge
) -> None:
    instance, clock = detected()
    instance.busy()
    instance.tick(never)
    instance.idle()
    clock.now += IDLE_S - 1
    instance.tick(never)
    assert group()["ProtectedFromScaleIn"]
    clock.now += 1
    instance.tick(never)
    assert not group()["ProtectedFromScaleIn"]


def test_jobs_in_quick_succession_cost_one_call(group: Any, imds: FakeImds, edge: Edge) -> None:
    instance, clock = detected()
    for _ in range(20):
        instance.busy()
        instance.tick(never)
        instance.idle()
        clock.now += IDLE_S / 2
        instance.tick(never)
    assert protections(edge) == ["true"]


def test_a_protection_left_by_an_earlier_process_is_given_up(
    group: Any, imds: FakeImds, edge: Edge
) -> None:
    before, _ = detected()
    before.busy()
    before.tick(never)
    after, _ = detected()
    after.tick(never)
    assert not group()["ProtectedFromScaleIn"]


@pytest.mark.parametrize(
    ("path", "text"),
    [(STATE, "Terminated"), ("spot/instance-action", '{"action": "terminate"}')],
)
def test_an_instance_that_is_to_go_stops_its_daemon_once(
    imds: FakeImds, path: str, text: str
) -> None:
    instance, _ = detected()
    stops: list[str] = []
    imds.metadata[path] = text
    instance.watch(lambda: stops.append("stopped"))
    assert stops == ["stopped"]


def test_the_watch_sees_what_comes_later(imds: FakeImds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aws.machine.instance.POLL_S", 0.02)
    instance, _ = detected()
    stopped = threading.Event()
    instance.watch(stopped.set)
    assert not stopped.is_set()
    imds.metadata[STATE] = "Terminated"
    assert stopped.wait(PATIENCE_S)


def test_after_the_drain_the_termination_goes_on(imds: FakeImds, edge: Edge) -> None:
    instance, _ = detected()
    imds.metadata[STATE] = "Terminated"
    instance.leave()
    (call,) = edge.called("CompleteLifecycleAction")
    assert call["LifecycleHookName"] == "terminating"
    assert call["LifecycleActionResult"] == "CONTINUE"
    assert call["InstanceId"] == imds.metadata["instance-id"]


def test_a_daemon_that_merely_stops_leaves_the_instance_free_to_go(
    group: Any, imds: FakeImds, edge: Edge
) -> None:
    instance, _ = detected()
    instance.busy()
    instance.tick(never)
    instance.idle()
    instance.leave()
    assert not group()["ProtectedFromScaleIn"]
    assert not edge.called("CompleteLifecycleAction")


def test_a_refused_protection_keeps_nobody_from_working(imds: FakeImds, edge: Edge) -> None:
    edge.refused.add("SetInstanceProtection")
    instance, _ = detected()
    instance.busy()
    instance.tick(never)
    assert instance.is_protected is None


def test_no_job_waits_for_auto_scaling(group: Any, imds: FakeImds, edge: Edge) -> None:
    """The service is silent, or slow: jobs begin and end meanwhile."""
    instance = Instance.detect()  # with its own limits: the first look waits for all of them
    assert isinstance(instance, GroupInstance)
    asked, answer = threading.Event(), threading.Event()

    def slow(call: dict[str, str]) -> str:
        asked.set()
        answer.wait()
        return ""

    edge.answers["SetInstanceProtection"] = slow
    instance.watch(never)
    instance.busy()
    assert asked.wait(PATIENCE_S)
    instance.busy()
    instance.idle()
    assert (instance.jobs, instance.is_protected) == (1, None)
    answer.set()
    instance.leave()


def test_a_silent_auto_scaling_is_left_after_a_moment(imds: FakeImds) -> None:
    instance = Instance.detect()
    assert isinstance(instance, GroupInstance)
    given = instance.autoscaling.meta.config
    assert given.connect_timeout + given.read_timeout <= POLL_S
    assert given.retries["total_max_attempts"] == 1


LAUNCHING = "The instance i-1 is not in InService or EnteringStandby or Standby."


class Launch:
    """SetInstanceProtection as Auto Scaling answers it: not before the instance is in service."""

    def __init__(self, edge: Edge) -> None:
        self.in_service, self.protected = False, False
        edge.answers["SetInstanceProtection"] = self.answer

    def answer(self, call: dict[str, str]) -> str:
        if not self.in_service:
            raise RefusedError("ValidationError", LAUNCHING)
        self.protected = call["ProtectedFromScaleIn"] == "true"
        return ""


def test_protection_is_tried_again_until_the_instance_is_in_service(
    imds: FakeImds, edge: Edge
) -> None:
    """The target state is InService during the launch already, so metadata cannot tell when."""
    launch = Launch(edge)
    instance, _ = detected()
    instance.busy()
    instance.tick(never)
    assert not launch.protected
    launch.in_service = True
    instance.tick(never)
    instance.tick(never)
    assert launch.protected
    assert protections(edge) == ["true"] * 2


def test_a_launch_warns_once_and_not_every_five_seconds(
    imds: FakeImds, edge: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    launch = Launch(edge)
    instance, clock = detected()
    for _ in range(3):
        instance.tick(never)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    instance.busy()
    for _ in range(3):
        instance.tick(never)
    assert len(caplog.records) == 2, "protecting and not protecting are refused once each"
    launch.in_service = True
    instance.tick(never)
    instance.idle()
    clock.now += IDLE_S
    launch.in_service = False
    instance.tick(never)
    assert len(caplog.records) == 3, "a later refusal is news"


def test_an_instance_whose_first_job_ended_during_its_launch_is_free_to_go(
    imds: FakeImds, edge: Edge
) -> None:
    launch = Launch(edge)
    instance, clock = detected()
    instance.busy()
    instance.tick(never)
    instance.idle()
    clock.now += IDLE_S
    launch.in_service = True
    instance.tick(never)
    assert not launch.protected
    assert protections(edge) == ["true", "false"]


def test_an_expired_token_is_renewed(imds: FakeImds) -> None:
    instance, _ = detected()
    imds.token = "another"
    assert instance.tick(never)


def test_metadata_that_do_not_answer_stop_nothing(imds: FakeImds) -> None:
    instance, _ = detected()
    imds.shutdown()
    imds.server_close()
    assert instance.tick(never)


@pytest.mark.parametrize(
    "env",
    [
        {"AWS_EC2_METADATA_DISABLED": "true"},
        {"AWS_ENDPOINT_URL": "http://localhost:5001"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"},
    ],
)
def test_off_ec2_there_is_nothing_to_tell(env: dict[str, str]) -> None:
    instance = Instance.detect(env)
    assert type(instance) is Instance
    instance.busy()
    instance.idle()
    instance.watch(never)
    instance.leave()


def test_a_sick_instance_is_marked_for_replacement(group: Any, imds: FakeImds, edge: Edge) -> None:
    instance, _ = detected()
    instance.mark_unhealthy()
    (call,) = edge.called("SetInstanceHealth")
    assert (call["HealthStatus"], call["InstanceId"]) == ("Unhealthy", instance.instance_id)


def test_a_sick_instance_that_cannot_be_marked_ends_all_the_same(
    group: Any, imds: FakeImds, edge: Edge
) -> None:
    edge.refused.add("SetInstanceHealth")
    detected()[0].mark_unhealthy()
    assert edge.called("SetInstanceHealth")
