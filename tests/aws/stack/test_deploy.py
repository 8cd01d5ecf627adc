"""Deploying against a local CloudFormation, as far as it goes.

moto's CloudFormation makes queues, topics, tables, buckets, roles, groups and launch templates. It
passes over policies, subscriptions, alarms, scaling policies, security group rules, the secret and
lifecycle hooks, knows no public SSM parameters and no instance refresh, and sees a change only
where the template's text has one. It stumbles over resources whose condition is false.
"""

import json
import sys
from pathlib import Path

import boto3
import pytest

from aws.stack import deploy
from aws.stack.steps import fill_secret
from tests.aws.stack.conftest import Deploy, refused
from tests.aws.stack.edge import Edge


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

    template.write_text(template.read_text().replace('MaxSize: "20"', 'MaxSize: "30"'))
    output = run("--dry-run")
    assert "Modify  AnnotatorGroup" in output
    assert "Nothing was changed." in output
    assert _group(f"{prefix}-annotator")["MaxSize"] == 20


def _group(name: str) -> dict[str, int]:
    reply = boto3.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    return dict(reply["AutoScalingGroups"][0])


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
    assert "--globus-secret-file" in refused(run, "--globus-client", "abc", keys=False)


def test_the_secret_keeps_its_session_key_and_gains_the_client(edge: Edge, prefix: str) -> None:
    secrets, name = boto3.client("secretsmanager"), f"{prefix}/web"
    client = {"globus_client_id": "an id", "globus_client_secret": "a secret"}
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
