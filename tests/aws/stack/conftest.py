"""`./gas deploy` on an artefact, parameters and a template that a local CloudFormation can read."""

import hashlib
import io
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from aws.stack import changes, deploy, rollout
from aws.stack.template import TEMPLATE
from tests.aws.stack.edge import Edge

IMAGE = "ami-12c6146b"

Deploy = Callable[..., str]


@pytest.fixture
def prefix() -> str:
    return f"s{uuid.uuid4().hex[:8]}"


@pytest.fixture
def files(tmp_path: Path, prefix: str) -> Path:
    """A folder with an artefact, parameters and a template for moto."""
    artefact = tmp_path / "gas-1.tar.gz"
    artefact.write_bytes(b"a release")
    sha256 = hashlib.sha256(b"a release").hexdigest()
    (tmp_path / "gas-1.tar.gz.sha256").write_text(f"{sha256}  gas-1.tar.gz\n")
    kind = "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
    text = TEMPLATE.read_text().replace(kind, "AWS::EC2::Image::Id")
    file = tmp_path / "template.yaml"
    file.write_text(text.replace("/aws/service/debian/release/12/latest/amd64", IMAGE))
    (tmp_path / "parameters.txt").write_text(
        f"# of a test\nPrefix = {prefix}\nDomain = gas.example.org\n"
        f"MailSender = gas@{prefix}.example.org\nArchiveBackend = vault\nArchiveVault = {prefix}\n"
    )
    (tmp_path / "globus.txt").write_text("a secret\n")
    return tmp_path


@pytest.fixture
def run(
    edge: Edge,
    files: Path,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Deploy:
    """`./gas deploy` with more arguments; returns its output."""
    monkeypatch.setattr(changes, "POLL_S", 0.01)
    monkeypatch.setattr(rollout, "POLL_S", 0.01)
    boto3.client("sesv2").create_email_identity(EmailIdentity=f"{prefix}.example.org")
    ec2 = boto3.client("ec2")
    subnets = ec2.describe_subnets()["Subnets"][:2]
    ids = ",".join(s["SubnetId"] for s in subnets)
    network = [f"VpcId={subnets[0]['VpcId']}", f"PublicSubnetIds={ids}", f"PrivateSubnetIds={ids}"]
    certificate = boto3.client("acm").request_certificate(DomainName="gas.example.org")
    network.append(f"CertificateArn={certificate['CertificateArn']}")
    zone = boto3.client("route53").create_hosted_zone(Name="example.org", CallerReference=prefix)
    network.append(f"HostedZoneId={zone['HostedZone']['Id'].rpartition('/')[2]}")

    def deployed(*more: str, keys: bool = True) -> str:
        argv = ["deploy", "--stack", prefix, "--template", str(files / "template.yaml")]
        if keys:
            argv += ["--globus-client", "abc", "--globus-secret-file", str(files / "globus.txt")]
        argv += ["--artefact", str(files / "gas-1.tar.gz")]
        argv += ["--parameters", str(files / "parameters.txt")]
        argv += [part for setting in network for part in ("--set", setting)]
        monkeypatch.setattr(sys, "argv", [*argv, *more])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        deploy.main()
        return capsys.readouterr().out

    return deployed


def refused(run: Deploy, *more: str, keys: bool = True) -> str:
    with pytest.raises(SystemExit) as ended:
        run(*more, keys=keys)
    return str(ended.value)
