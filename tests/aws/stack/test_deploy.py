"""Deploying against a local CloudFormation, as far as it goes.

moto's CloudFormation makes queues, topics, tables, buckets, roles, groups and launch templates. It
passes over policies, subscriptions, alarms, scaling policies, security group rules, the secret and
lifecycle hooks, knows no public SSM parameters and no instance refresh, and sees a change only
where the template's text has one. It stumbles over resources whose condition is false.
"""

import hashlib
import io
import json
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from aws.stack import deploy
from aws.stack.plan import GlobusClient
from aws.stack.steps import fill_secret
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
        f"# of a test\nPrefix = {prefix}\nDomain = gas.example.org\nMailSender = gas@example.org\n"
        f"MailIdentity = exists\nArchiveBackend = vault\nArchiveVault = {prefix}\n"
    )
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
    ec2 = boto3.client("ec2")
    subnets = ec2.describe_subnets()["Subnets"][:2]
    ids = ",".join(s["SubnetId"] for s in subnets)
    network = [f"VpcId={subnets[0]['VpcId']}", f"PublicSubnetIds={ids}", f"PrivateSubnetIds={ids}"]
    certificate = boto3.client("acm").request_certificate(DomainName="gas.example.org")
    network.append(f"CertificateArn={certificate['CertificateArn']}")
    zone = boto3.client("route53").create_hosted_zone(Name="example.org", CallerReference=prefix)
    network.append(f"HostedZoneId={zone['HostedZone']['Id'].rpartition('/')[2]}")

    def deployed(*more: str) -> str:
        argv = ["deploy", "--stack", prefix, "--template", str(files / "template.yaml")]
        argv += ["--artefact", str(files / "gas-1.tar.gz")]
        argv += ["--parameters", str(files / "parameters.txt")]
        argv += [part for setting in network for part in ("--set", setting)]
        monkeypatch.setattr(sys, "argv", [*argv, *more])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        deploy.main()
        return capsys.readouterr().out

    return deployed


def stacks() -> set[str]:
    pages = boto3.client("cloudformation").get_paginator("describe_stacks").paginate()
    return {stack["StackName"] for page in pages for stack in page["Stacks"]}


def test_a_dry_run_shows_all_and_touches_nothing(run: Deploy, prefix: str, edge: Edge) -> None:
    output = run("--dry-run")
    assert f"Create the stack {prefix}" in output
    assert "Add     AnnotatorGroup" in output
    assert "Domain = gas.example.org" in output
    assert prefix not in stacks()
    buckets = boto3.client("s3").list_buckets()["Buckets"]
    assert not [b for b in buckets if b["Name"].startswith(prefix)]


def test_without_a_yes_nothing_is_changed(run: Deploy, prefix: str) -> None:
    assert "run again with --yes" in run()
    assert prefix not in stacks()


def test_a_deployment_makes_the_stack_then_changes_it_and_rolls_out(
    run: Deploy, prefix: str, edge: Edge, files: Path
) -> None:
    output = run("--yes")
    assert "Done." in output
    bucket = f"{prefix}-releases-123456789012"
    assert f"artefact gas-1.tar.gz -> s3://{bucket}/releases/gas-1.tar.gz" in output
    stored = boto3.client("s3").get_object(Bucket=bucket, Key="releases/gas-1.tar.gz")
    assert stored["Body"].read() == b"a release"
    assert boto3.client("glacier").describe_vault(vaultName=prefix)["VaultName"] == prefix
    group = _group(f"{prefix}-annotator")
    assert (group["MinSize"], group["MaxSize"]) == (2, 10)
    assert not edge.called("StartInstanceRefresh")

    template = files / "template.yaml"
    template.write_text(template.read_text().replace("!Ref MaxInstances", '"20"'))
    output = run("--yes", "--set", "ArchiveAfterSeconds=3600")
    assert "ArchiveQueueDelaySeconds = 0 (was 300)" in output
    assert "Modify  AnnotatorGroup" in output
    assert _group(f"{prefix}-annotator")["MaxSize"] == 20
    refreshed = {call["AutoScalingGroupName"]: call for call in edge.called("StartInstanceRefresh")}
    assert refreshed.keys() == {f"{prefix}-{kind}" for kind in ("web", "annotator", "util")}
    assert all(call["Preferences.SkipMatching"] == "true" for call in refreshed.values())
    waits = refreshed[f"{prefix}-annotator"]["Preferences.ScaleInProtectedInstances"]
    assert waits == "Wait"

    template.write_text(template.read_text().replace('MaxSize: "20"', 'MaxSize: "30"'))
    output = run("--dry-run")
    assert "Modify  AnnotatorGroup" in output
    assert "Nothing was changed." in output
    assert _group(f"{prefix}-annotator")["MaxSize"] == 20


def _group(name: str) -> dict[str, int]:
    reply = boto3.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    return dict(reply["AutoScalingGroups"][0])


def refused(run: Deploy, *more: str) -> str:
    with pytest.raises(SystemExit) as ended:
        run(*more)
    return str(ended.value)


def test_what_is_missing_is_named_with_what_it_is_for(run: Deploy, files: Path) -> None:
    (files / "parameters.txt").write_text("Domain = gas.example.org\n")
    output = refused(run)
    assert "  Prefix: The beginning of every resource" in output
    assert "MailSender: The address" in output


def test_a_parameter_that_the_template_does_not_know_is_refused(run: Deploy) -> None:
    assert "no parameter Colour" in refused(run, "--set", "Colour=blue")


def test_an_artefact_that_was_changed_since_is_refused(run: Deploy, files: Path) -> None:
    (files / "gas-1.tar.gz").write_bytes(b"another")
    assert "its checksum differs" in refused(run, "--yes")


def test_a_globus_client_needs_its_secret(run: Deploy) -> None:
    assert "--globus-secret-file" in refused(run, "--globus-client", "abc")


def test_the_secret_keeps_its_session_key_and_gains_the_client(edge: Edge, prefix: str) -> None:
    secrets, name = boto3.client("secretsmanager"), f"{prefix}/web"
    client = GlobusClient("an id", "a secret")
    fill_secret(secrets, name, client)
    secrets.create_secret(Name=name, SecretString=json.dumps({"flask_key": "k"}))
    fill_secret(secrets, name, client)
    version = secrets.get_secret_value(SecretId=name)
    assert json.loads(version["SecretString"]) == {
        "flask_key": "k",
        "globus_client_id": "an id",
        "globus_client_secret": "a secret",
    }
    fill_secret(secrets, name, client)
    assert secrets.get_secret_value(SecretId=name)["VersionId"] == version["VersionId"]


@pytest.mark.parametrize("kind", ["web", "annotator", "util"])
def test_user_data_can_be_printed_to_be_pasted(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["deploy", "--user-data", kind])
    deploy.main()
    text = capsys.readouterr().out
    assert text.startswith("#!/bin/bash\n")
    assert text.endswith(f"\nboot {kind}\n")
    assert 'boot.sh"' not in text
