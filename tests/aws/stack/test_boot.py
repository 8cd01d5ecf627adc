"""An instance's first boot for real: user data on a machine with systemd, from metadata to units.

Stand-ins: the metadata service, the Auto Scaling calls that the local AWS lacks, and the
CloudWatch agent's package. The release, its wheels, the units and systemd are the real ones.
"""

import itertools
import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from aws import secrets
from aws.config import load
from aws.processes import InstanceKind, of_kind
from aws.provision import provision
from aws.resources import World, connect
from aws.rows.job import Status
from aws.stack import release
from aws.stack.template import user_data
from tests import builders
from tests.ann import attacker, hiding
from tests.aws.stack.edge import Edge
from tests.aws.stack.imds import FakeImds
from tests.aws.stack.machine import Machine, booted
from tests.conftest import Handle

UNITS: dict[str, list[str]] = {
    kind: [f"gas@{process.name}.service" for process in of_kind(kind)]
    for kind in (InstanceKind.ANNOTATOR, InstanceKind.UTIL, InstanceKind.WEB)
}
PREFIX = "boot"
BUCKET = "boot-releases"
GROUP = "boot-group"
CTL = "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
RUNNING_S = 300
NOT_FOR_A_SHELL = 'p$(touch /run/owned)`touch /run/owned` "$HOME" \\ &x'
"""The value of a tag."""
LOGS = "tail /var/log/gas/*; systemctl status --no-pager 'gas*'; journalctl --no-pager -n 40"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts and namespaces need root"),
]


@dataclass
class BootScene:
    """The machine, and the services that it can reach."""

    machine: Machine
    edge: Edge
    imds: FakeImds
    world: World
    artefact: release.Artefact

    def boot(self, kind: str) -> subprocess.CompletedProcess[str]:
        self.edge.calls.clear()
        return self.machine.user_data(user_data(kind))

    def ended(self) -> list[str]:
        """The results of boots reported to the Auto Scaling group."""
        calls = self.edge.called("CompleteLifecycleAction")
        return [call["LifecycleActionResult"] for call in calls]

    def sent_log(self) -> str:
        """The log that the instance sent to CloudWatch before it was abandoned."""
        logs = boto3.client("logs", endpoint_url=self.edge.behind)
        stream = f"{self.imds.metadata['instance-id']}/failed"
        events = logs.get_log_events(logGroupName=f"/{PREFIX}/boot", logStreamName=stream)["events"]
        return "\n".join(event["message"] for event in events)

    def is_protected(self) -> bool:
        """Whether the last call that set a protection asked for one."""
        calls = self.edge.called("SetInstanceProtection")
        return bool(calls) and calls[-1]["ProtectedFromScaleIn"] == "true"

    def are_up(self, kind: str) -> bool:
        states = {self.machine.output(f"systemctl is-active '{unit}'") for unit in UNITS[kind]}
        return states == {"active"}


def agent(folder: Path) -> Path:
    """A stand-in for the CloudWatch agent's package: its ctl records its arguments."""
    tree = folder / "agent"
    control, ctl = tree / "DEBIAN" / "control", tree / CTL.lstrip("/")
    for file in (control, ctl):
        file.parent.mkdir(parents=True)
    control.write_text(
        "Package: amazon-cloudwatch-agent\nVersion: 1\nArchitecture: all\n"
        "Maintainer: none\nDescription: a stand-in\n"
    )
    ctl.write_text('#!/bin/sh\necho "$@" >>/run/agent-calls\n')
    ctl.chmod(0o755)
    package = folder / "amazon-cloudwatch-agent.deb"
    subprocess.run(
        ["dpkg-deb", "--build", str(tree), str(package)], check=True, capture_output=True
    )
    return package


def metadata(artefact: release.Artefact) -> dict[str, str]:
    """The metadata that EC2 would serve to the instance, by the template's tags."""
    tags = {
        "gas:release": f"s3://{BUCKET}/{artefact.path.name}",
        "gas:sha256": artefact.sha256,
        "gas:roles": "arn:aws:iam::123456789012:role/gas-",
        "gas:session-manager": "no",
        "gas:gas.prefix": PREFIX,
        "gas:annotator.workers": "1",
        "gas:annotator.references": "/var/lib/gas/references",
        "gas:aws.poll_s": "1",
        "gas:payments.price": NOT_FOR_A_SHELL,
        "aws:autoscaling:groupName": GROUP,
    }
    keys = {"AccessKeyId": "local", "SecretAccessKey": "local", "Token": "token"}
    credentials = {"Code": "Success", **keys, "Expiration": "2099-01-01T00:00:00Z"}
    role = "iam/security-credentials/"
    return {
        "placement/region": "us-east-1",
        "services/domain": "amazonaws.com",
        "instance-id": "i-0123456789abcdef0",
        role: "gas-instance",
        f"{role}gas-instance": json.dumps(credentials, indent=2),
        "tags/instance/": "\n".join(tags),
        **{f"tags/instance/{name}": value for name, value in tags.items()},
    }


@pytest.fixture(scope="module")
def scene(local_aws: Handle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BootScene]:
    folder = tmp_path_factory.mktemp("boot")
    config = load(env={"GAS_GAS_PREFIX": PREFIX})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", local_aws.url)
        provision(config)
        secrets.create(config, secrets.Secrets("a key", "a client", "a secret"))
        world = connect(config)
        artefact = release.build(folder / "build", os.uname().machine, [agent(folder)])
        s3 = boto3.client("s3", endpoint_url=local_aws.url)
    s3.create_bucket(Bucket=BUCKET)
    boto3.client("logs", endpoint_url=local_aws.url).create_log_group(
        logGroupName=f"/{PREFIX}/boot"
    )
    s3.upload_file(str(artefact.path), BUCKET, artefact.path.name)
    edge = Edge(local_aws.url).start()
    edge.answers["SetInstanceProtection"] = ""  # of a group that the local AWS does not have
    imds = FakeImds(("127.0.0.1", 0), metadata(artefact)).start()
    (folder / "machine").mkdir()
    env = {"AWS_ENDPOINT_URL": edge.url, "AWS_EC2_METADATA_SERVICE_ENDPOINT": imds.url}
    with booted(folder / "machine", env) as machine:
        yield BootScene(machine, edge, imds, world, artefact)
    for server in (edge, imds):
        server.shutdown()
        server.server_close()


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + RUNNING_S
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def an_artefact_that_is_not_what_its_checksum_says_is_abandoned(scene: BootScene) -> None:
    name = "tags/instance/gas:sha256"
    scene.imds.metadata[name] = "0" * 64
    ran = scene.boot("annotator")
    scene.imds.metadata[name] = scene.artefact.sha256
    assert ran.returncode != 0
    assert scene.ended() == ["ABANDON"]
    assert "the boot failed; the instance is abandoned" in scene.sent_log(), ran.stdout
    assert scene.machine.output("ls /etc/systemd/system | grep gas") == ""
    assert scene.machine.output("readlink /opt/gas/current") == ""


def user_data_ends_with_the_processes_running(scene: BootScene, kind: str) -> None:
    ran = scene.boot(kind)
    assert ran.returncode == 0, ran.stdout + scene.machine.run(LOGS).stdout
    assert scene.ended() == ["CONTINUE"], ran.stdout
    until(lambda: scene.are_up(kind), f"{kind} is not up")
    for unit in UNITS[kind]:
        assert scene.machine.output(f"systemctl is-enabled '{unit}'") == "enabled"
    for folder in release.FOLDERS:
        assert scene.machine.output(f"ls /opt/gas/current/{folder}/__pycache__"), folder
    assert "fetch-config" in scene.machine.output("cat /run/agent-calls")
    assert f"'{NOT_FOR_A_SHELL}'" in scene.machine.output("cat /etc/gas/environment")
    assert scene.machine.output("ls /run/owned") == ""


def the_units_are_what_systemd_wants(scene: BootScene) -> None:
    for unit in itertools.chain(*UNITS.values()):
        ran = scene.machine.run(f"systemd-analyze verify '{unit}'")
        assert (ran.returncode, ran.stdout) == (0, "")


def health(scene: BootScene) -> str:
    """The status of the answer to the load balancer's health check; 000 where none comes."""
    ask = "curl -ksS --max-time 5 -o /dev/null -w '%{http_code}' https://localhost:8443/healthz"
    return scene.machine.run(f"{ask} 2>/dev/null").stdout.strip()


def the_site_answers_its_health_check(scene: BootScene) -> None:
    until(lambda: health(scene) == "200", "the site does not answer")
    assert scene.machine.output("stat -c '%U %a' /etc/nginx/tls/key.pem") == "root 600"


def the_front_takes_in_slow_requests(scene: BootScene) -> None:
    head = b"POST /subscribe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\nx"
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    with ExitStack() as slow:
        for _ in range(60):
            plain = slow.enter_context(socket.create_connection(("localhost", 8443)))
            slow.enter_context(unverified.wrap_socket(plain)).sendall(head)
        the_site_answers_its_health_check(scene)


def a_front_that_dies_comes_back_or_the_health_check_fails(scene: BootScene) -> None:
    machine, config = scene.machine, "/etc/nginx/nginx.conf"
    first = machine.show("nginx", "MainPID")
    machine.run(f"kill -9 {first}")
    until(lambda: machine.show("nginx", "MainPID") not in (first, "0"), "nginx stays away")
    until(lambda: health(scene) == "200", "the site does not answer")
    machine.run(f"echo nonsense >>{config}; kill -9 {machine.show('nginx', 'MainPID')}")
    until(lambda: health(scene) == "000", "nginx is down, and the instance healthy")
    assert machine.output("curl -sS localhost:8081/healthz"), "of the front alone"
    machine.run(f"sed -i '$d' {config}")
    the_site_answers_its_health_check(scene)
    machine.run("head -c 2000000 /dev/zero | curl -ksS --data-binary @- https://localhost:8443/")
    assert "too large body" in machine.output("cat /var/log/nginx/error.log")


def the_daemons_run_as_a_user_that_may_do_little(scene: BootScene) -> None:
    for kind, units in UNITS.items():
        until(lambda: scene.are_up(kind), f"{kind} is not up")  # noqa: B023
        for unit in units:
            pid = scene.machine.show(unit, "MainPID")
            found = scene.machine.output(f"stat -c %U /proc/{pid}; grep CapEff /proc/{pid}/status")
            assert found.split() == ["gas", "CapEff:", "0" * 16], scene.machine.run(LOGS).stdout
            assert scene.machine.output(f"stat -c %U /proc/{pid}/environ") == "root", unit


TAKE_OVER = """
cd /opt/gas/current/ann
cat > attacker.py <<'PYTHON'
%s
PYTHON
cat > hiding.py <<'PYTHON'
%s
PYTHON
cp -p pipeline.py pipeline.honest
cat >> pipeline.py <<'PYTHON'
from ann.attacker import attack
from ann.hiding import hide
honest = run
def run(task, scratch, progress):
    body = task.input.read_bytes()
    pipeline = honest if body[:1] != b"{" else hide if b'"hide"' in body else attack
    return pipeline(task, scratch, progress)
PYTHON
install -o gas /dev/null /var/lib/gas/references/victim
systemctl restart gas@annotator
"""
GIVE_BACK = """
cd /opt/gas/current/ann && mv pipeline.honest pipeline.py && rm attacker.py hiding.py
rm /var/lib/gas/references/victim
systemctl restart gas@annotator
"""


def take_over(scene: BootScene) -> None:
    """Have jobs whose file is a JSON object do what it says."""
    sources = tuple(Path(str(m.__file__)).read_text() for m in (attacker, hiding))
    scene.machine.run(TAKE_OVER % sources)
    until(lambda: scene.are_up("annotator"), "the annotator is not up")


def a_job_that_is_taken_over_gets_nowhere(scene: BootScene) -> None:
    world, machine, (unit,) = scene.world, scene.machine, UNITS["annotator"]
    take_over(scene)
    known = {
        "daemon": int(machine.show(unit, "MainPID")),
        "port": scene.imds.server_port,
        "victim": "/var/lib/gas/references/victim",
        "secrets": [
            "/etc/gas/environment",
            "/etc/gas/aws/annotator",
            "/var/lib/gas",
            "/var/log/gas",
        ],
    }
    job = builders.submitted(world, builders.user(world), json.dumps(known).encode())
    until(lambda: world.jobs.get(job.job_id).is_terminal, machine.run(LOGS).stdout)
    assert str(world.jobs.get(job.job_id).error).endswith(attacker.NOTHING)
    assert machine.output("pgrep -fc ann.forkserver") == "1"
    assert "takes over" not in machine.output("cat /var/log/gas/annotator.log")
    disk = world.config.annotator.disk_mb * 1_000_000
    hidden = json.dumps({"hide": "mapped", "bytes": disk * 3 // 2}).encode()
    job = builders.submitted(world, builders.user(world), hidden)
    until(lambda: world.jobs.get(job.job_id).is_terminal, machine.run(LOGS).stdout)
    assert f"{disk:,} bytes, the limit" in str(world.jobs.get(job.job_id).error)
    machine.run(GIVE_BACK)


def user_data_again_does_no_harm(scene: BootScene) -> None:
    (unit,) = UNITS["annotator"]
    until(lambda: scene.are_up("annotator"), "the annotator is not up")
    before = scene.machine.show(unit, "MainPID"), scene.machine.output("ls /opt/gas/releases")
    ran = scene.boot("annotator")
    assert ran.returncode == 0, ran.stdout
    assert scene.ended() == ["CONTINUE"]
    after = scene.machine.show(unit, "MainPID"), scene.machine.output("ls /opt/gas/releases")
    assert after == before


def a_stop_returns_the_running_job_at_once(scene: BootScene) -> None:
    world, (unit,) = scene.world, UNITS["annotator"]
    take_over(scene)
    stays = json.dumps({"hide": "unnamed", "bytes": 3}).encode()
    job = builders.submitted(world, builders.user(world), stays)
    until(lambda: world.jobs.get(job.job_id).job_status is Status.RUNNING, "the job does not run")
    until(scene.is_protected, "a job runs, and the instance may be scaled in")
    ran = scene.machine.run(f"systemctl stop '{unit}'")
    assert ran.returncode == 0, ran.stdout
    assert scene.machine.show(unit, "Result") == "success"
    after = world.jobs.get(job.job_id)
    assert (after.job_status, after.lease_owner, after.crashes) == (Status.PENDING, None, 0)
    (message,) = world.queues.receive("job_requests", 1, 60)
    assert job.job_id in message.body


@contextmanager
def step(name: str) -> Iterator[None]:
    """One step in the machine's life; its failure names it."""
    try:
        yield
    except Exception as failure:
        raise AssertionError(f"step '{name}': {failure}") from failure


def test_an_instance_boots_runs_again_and_stops_as_it_should(scene: BootScene) -> None:
    """One machine's life in order: each step needs those before it."""
    with step("a wrong artefact is refused"):
        an_artefact_that_is_not_what_its_checksum_says_is_abandoned(scene)
    for kind in UNITS:
        with step(f"first boot: {kind}"):
            user_data_ends_with_the_processes_running(scene, kind)
    with step("systemd-analyze verify"):
        the_units_are_what_systemd_wants(scene)
    with step("health check"):
        the_site_answers_its_health_check(scene)
    with step("slow clients"):
        the_front_takes_in_slow_requests(scene)
    with step("death of the front"):
        a_front_that_dies_comes_back_or_the_health_check_fails(scene)
    with step("users and capabilities"):
        the_daemons_run_as_a_user_that_may_do_little(scene)
    with step("attack from inside the child"):
        a_job_that_is_taken_over_gets_nowhere(scene)
    with step("second boot"):
        user_data_again_does_no_harm(scene)
    with step("stop with a job running"):
        a_stop_returns_the_running_job_at_once(scene)
