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
from tests.conftest import Handle

IMAGE = "ami-12c6146b"

Deploy = Callable[..., str]


class Terminal(io.StringIO):
    """Standard input of somebody who can be asked."""

    def isatty(self) -> bool:
        return True


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


@pytest.fixture(scope="session")
def foundation(local_aws: Handle) -> dict[str, str]:
    """A network as docs/operating.md has it made, a certificate and a zone, as parameters."""
    ec2 = boto3.client("ec2", endpoint_url=local_aws.url)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def subnet(number: int, zone: str) -> str:
        made = ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}"
        )
        return str(made["Subnet"]["SubnetId"])

    def routed(subnets: list[str], **to: str) -> None:
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **to)
        for one in subnets:
            ec2.associate_route_table(RouteTableId=table, SubnetId=one)

    public, private = [subnet(1, "a"), subnet(2, "b")], [subnet(3, "a"), subnet(4, "b")]
    internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=public[0], AllocationId=address)["NatGateway"]
    routed(public, GatewayId=internet)
    routed(private, NatGatewayId=nat["NatGatewayId"])
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3")
    acm = boto3.client("acm", endpoint_url=local_aws.url)
    certificate = acm.request_certificate(DomainName="gas.example.org")["CertificateArn"]
    zones = boto3.client("route53", endpoint_url=local_aws.url)
    zone = zones.create_hosted_zone(Name="example.org", CallerReference=vpc)["HostedZone"]["Id"]
    return {
        "VpcId": vpc,
        "PublicSubnetIds": ",".join(public),
        "PrivateSubnetIds": ",".join(private),
        "CertificateArn": certificate,
        "HostedZoneId": zone.rpartition("/")[2],
    }


@pytest.fixture
def run(
    edge: Edge,
    files: Path,
    prefix: str,
    foundation: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Deploy:
    """`./gas deploy` with more arguments; returns its output."""
    monkeypatch.setattr(changes, "POLL_S", 0.01)
    monkeypatch.setattr(rollout, "POLL_S", 0.01)
    boto3.client("sesv2").create_email_identity(EmailIdentity=f"{prefix}.example.org")
    monkeypatch.setenv("GAS_GLOBUS_ISSUER", edge.url)
    basis = [f"{name}={value}" for name, value in foundation.items()]

    def deployed(*more: str, keys: bool = True, at_terminal: bool = False) -> str:
        argv = ["deploy", "--stack", prefix, "--template", str(files / "template.yaml")]
        if keys:
            argv += ["--globus-client", "abc", "--globus-secret-file", str(files / "globus.txt")]
        argv += ["--artefact", str(files / "gas-1.tar.gz")]
        argv += ["--parameters", str(files / "parameters.txt")]
        argv += [part for setting in basis for part in ("--set", setting)]
        monkeypatch.setattr(sys, "argv", [*argv, *more])
        monkeypatch.setattr(sys, "stdin", Terminal() if at_terminal else io.StringIO())
        deploy.main()
        return capsys.readouterr().out

    return deployed


def refused(run: Deploy, *more: str, keys: bool = True) -> str:
    with pytest.raises(SystemExit) as ended:
        run(*more, keys=keys)
    return str(ended.value)
