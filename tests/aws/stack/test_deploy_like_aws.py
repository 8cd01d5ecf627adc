"""Deploying against services that behave as AWS documents them: failures, refusals, delays."""

import json
import uuid
from pathlib import Path

import boto3
import pytest

from aws.stack import rollout
from aws.stack.changes import Stack
from tests.aws.stack.aws_like import AwsLike, make_tables
from tests.aws.stack.conftest import Deploy, refused
from tests.aws.stack.edge import Edge
from tests.conftest import Handle


@pytest.fixture
def aws(edge: Edge, prefix: str, files: Path) -> AwsLike:
    """With its tables in the local AWS, and S3 as the archive."""
    make_tables(prefix)
    text = (files / "parameters.txt").read_text().replace("ArchiveBackend = vault\n", "")
    (files / "parameters.txt").write_text(text)
    return AwsLike(edge, prefix)


def protected(prefix: str) -> list[bool]:
    describe = boto3.client("dynamodb").describe_table
    return [
        describe(TableName=f"{prefix}-{kind}")["Table"].get("DeletionProtectionEnabled", False)
        for kind in ("annotations", "accounts")
    ]


# The sender's identity at SES.


def test_an_identity_that_ses_has_is_not_made_again(run: Deploy, aws: AwsLike, prefix: str) -> None:
    run("--yes")
    assert aws.stacks[prefix].parameters["MailIdentity"] == "exists"


def test_an_address_that_ses_does_not_know_is_made_and_its_link_announced(
    run: Deploy, aws: AwsLike, prefix: str
) -> None:
    sender = f"gas@{uuid.uuid4().hex}.example.org"
    output = run("--yes", "--set", f"MailSender={sender}")
    assert aws.stacks[prefix].parameters["MailIdentity"] == "create"
    assert f"does not send from {sender} before somebody follows the link" in output
    boto3.client("sesv2").create_email_identity(EmailIdentity=sender)
    run("--yes", "--set", f"MailSender={sender}")
    assert aws.stacks[prefix].parameters["MailIdentity"] == "create", "it would be deleted"


def test_an_identity_that_cannot_be_is_refused_with_words(
    run: Deploy, aws: AwsLike, prefix: str
) -> None:
    sender = f"gas@{uuid.uuid4().hex}.example.org"
    unknown = ("--set", f"MailSender={sender}", "--set", "MailIdentity=exists")
    assert "SES knows neither" in refused(run, "--yes", *unknown)
    known = f"gas@{prefix}.example.org"
    boto3.client("sesv2").create_email_identity(EmailIdentity=known)
    assert "has the identity" in refused(run, "--yes", "--set", "MailIdentity=create")


def test_the_sandbox_is_named(run: Deploy, aws: AwsLike, edge: Edge) -> None:
    assert "sandbox" not in run("--dry-run")
    edge.pages["/v2/email/account"] = '{"ProductionAccessEnabled": false}'
    assert "SES is in its sandbox here" in run("--dry-run")


# A dry run.


def test_a_dry_run_of_a_creation_has_aws_judge_it_and_leaves_nothing(
    run: Deploy, aws: AwsLike, prefix: str, edge: Edge
) -> None:
    """CloudFormation validates names and properties when a change set is made."""
    assert "Add     AnnotatorGroup" in run("--dry-run")
    aws.objection = "PROPERTY_VALIDATION: WebGroup: MinSize must be a number"
    output = refused(run, "--dry-run")
    assert "CloudFormation refuses the changes: PROPERTY_VALIDATION: WebGroup" in output
    assert not edge.called("ExecuteChangeSet")
    assert prefix not in aws.stacks
    assert not [b for b in boto3.client("s3").list_buckets()["Buckets"] if prefix in b["Name"]]


def test_a_first_dry_run_that_is_refused_leaves_nothing(
    run: Deploy, aws: AwsLike, prefix: str, edge: Edge
) -> None:
    """Whoever may look at stacks may not be allowed to propose changes."""
    edge.refused.add("CreateChangeSet")
    assert "CreateChangeSet" in refused(run, "--dry-run")
    assert prefix not in aws.stacks
    assert not [b for b in boto3.client("s3").list_buckets()["Buckets"] if prefix in b["Name"]]


def test_an_upload_that_is_refused_leaves_no_bucket(
    run: Deploy, aws: AwsLike, prefix: str, local_aws: Handle
) -> None:
    local_aws.fail("s3", operation="PutObject", status=403, code="AccessDenied")
    assert "PutObject" in refused(run, "--dry-run")
    assert not [b for b in boto3.client("s3").list_buckets()["Buckets"] if prefix in b["Name"]]


def test_an_interrupted_question_is_a_no(
    run: Deploy, aws: AwsLike, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupted)
    assert "Nothing was changed." in run(at_terminal=True)
    assert prefix not in aws.stacks
    assert not [b for b in boto3.client("s3").list_buckets()["Buckets"] if prefix in b["Name"]]


# A creation that fails.


def test_a_creation_that_failed_goes_on_by_the_same_command(
    run: Deploy, aws: AwsLike, prefix: str
) -> None:
    aws.faults["HttpsListener"] = "The certificate is not in state ISSUED"
    output = refused(run, "--yes")
    assert "HttpsListener: The certificate is not in state ISSUED" in output
    assert "run the same command" in output
    stack = aws.stacks[prefix]
    assert stack.status == "CREATE_FAILED"
    assert "AnnotationsTable" in stack.made
    assert protected(prefix) == [False, False]
    aws.faults.clear()
    assert "Done." in run("--yes")
    assert stack.status == "UPDATE_COMPLETE"
    assert stack.made == list(aws.resources)
    assert protected(prefix) == [True, True]


def test_the_first_cause_is_shown_however_many_events_follow(
    run: Deploy, aws: AwsLike, prefix: str
) -> None:
    run("--yes")
    stack = aws.stacks[prefix]
    stack.made = stack.made[:60]
    aws.faults[list(aws.resources)[70]] = "the first cause"
    output = refused(run, "--yes")
    assert "UPDATE_ROLLBACK_COMPLETE" in output
    assert f"{list(aws.resources)[70]}: the first cause." in output
    assert "cancelled" not in output


def test_a_failure_of_an_earlier_operation_is_not_shown(
    run: Deploy, aws: AwsLike, prefix: str
) -> None:
    aws.faults["WebRole"] = "an old cause"
    refused(run, "--yes")
    aws.faults = {"Dashboard": "a new cause"}
    output = refused(run, "--yes")
    assert "a new cause" in output
    assert "an old cause" not in output


def test_what_an_earlier_stack_left_is_taken_up_again(
    run: Deploy, aws: AwsLike, prefix: str
) -> None:
    aws.kept = {"AnnotationsTable", "AccountsTable", "InputsBucket", "ReferencesBucket"}
    output = run("--yes")
    assert "Import  AnnotationsTable" in output
    assert aws.stacks[prefix].status == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("ROLLBACK_COMPLETE", "aws cloudformation delete-stack"),
        ("ROLLBACK_FAILED", "aws cloudformation delete-stack"),
        ("DELETE_FAILED", "aws cloudformation delete-stack"),
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback"),
        ("UPDATE_IN_PROGRESS", "wait for its end"),
        ("ROLLBACK_IN_PROGRESS", "wait for its end"),
    ],
)
def test_a_stack_that_cannot_be_changed_is_explained_before_anything_is_sent(
    status: str,
    advice: str,
    run: Deploy,
    aws: AwsLike,
    prefix: str,
    edge: Edge,
) -> None:
    run("--yes")
    aws.stacks[prefix].status = status
    edge.calls.clear()
    output = refused(run, "--yes")
    assert f"is {status}" in output
    assert advice in output
    assert not edge.called("CreateChangeSet")


def test_a_stack_that_was_only_proposed_is_created(edge: Edge, aws: AwsLike, prefix: str) -> None:
    cloudformation = boto3.client("cloudformation")
    Stack(cloudformation, prefix).propose("https://example.org/t", {}, ())
    assert not Stack(cloudformation, prefix).exists


# Keys, and what must not change.


def test_a_site_without_its_globus_client_is_not_created(run: Deploy, aws: AwsLike) -> None:
    assert "--globus-client ID" in refused(run, "--yes", keys=False)
    run("--yes")
    assert "Done." in run("--yes", keys=False)


def test_payments_need_stripes_keys_and_get_them(
    run: Deploy,
    aws: AwsLike,
    files: Path,
    prefix: str,
) -> None:
    payments = ("--set", "PaymentsProvider=stripe", "--set", "PaymentsPrice=price_1")
    run("--yes")
    assert "--stripe-key-file" in refused(run, "--yes", *payments)
    (files / "key").write_text("sk_1\n")
    (files / "hook").write_text("whsec_1\n")
    key = ("--stripe-key-file", str(files / "key"))
    assert "go together" in refused(run, "--yes", *payments, *key)
    run("--yes", *payments, *key, "--stripe-webhook-key-file", str(files / "hook"))
    stored = boto3.client("secretsmanager").get_secret_value(SecretId=f"{prefix}/web")
    secret = json.loads(stored["SecretString"])
    assert (secret["stripe_key"], secret["stripe_webhook_key"]) == ("sk_1", "whsec_1")


@pytest.mark.parametrize("change", ["Prefix=another", "ArchiveBackend=vault"])
def test_what_rows_and_archives_depend_on_stays(change: str, run: Deploy, aws: AwsLike) -> None:
    run("--yes")
    assert "cannot become" in refused(run, "--yes", "--set", change)


def test_a_vault_that_is_not_used_may_have_any_name(run: Deploy, aws: AwsLike) -> None:
    run("--yes")
    assert "Done." in run("--yes", "--set", "ArchiveVault=another")


def test_a_parameter_that_the_template_has_no_more_is_forgotten(
    run: Deploy,
    aws: AwsLike,
    prefix: str,
    edge: Edge,
) -> None:
    run("--yes")
    aws.stacks[prefix].parameters["MinInstances"] = "2"
    run("--yes")
    assert "MinInstances" not in str(edge.called("CreateChangeSet")[-1])


# In service.


def test_it_is_done_only_when_everything_serves(run: Deploy, aws: AwsLike, prefix: str) -> None:
    output = run("--yes")
    assert f"waiting for {prefix}-web (0 of 2 in service)" in output
    assert "the load balancer (1 of 2 healthy)" in output
    assert aws.serving == aws.groups
    assert output.rstrip().endswith("Done.")


def test_progress_is_shown_while_the_stack_is_made(run: Deploy, aws: AwsLike) -> None:
    assert f"{len(aws.resources)} done, the last of them {list(aws.resources)[-1]}" in run("--yes")


def test_launches_that_fail_end_it_with_their_cause(
    run: Deploy,
    aws: AwsLike,
    monkeypatch: pytest.MonkeyPatch,
    prefix: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(rollout, "SERVICE_S", 0.0)
    aws.launch_fault = "You have requested more vCPU capacity than your current limit of 5 allows"
    output = refused(run, "--yes")
    assert f"{prefix}-annotator (0 of 2 in service)" in output
    assert f"log group /{prefix}/boot" in output
    assert "more vCPU capacity than your current limit" in capsys.readouterr().out


# The roll-out.


def test_an_upgrade_under_load_replaces_busy_annotators_and_reports_itself(
    run: Deploy, aws: AwsLike, prefix: str
) -> None:
    """With Wait a refresh fails after an hour for a protected one (API, RefreshPreferences)."""
    run("--yes")
    aws.protected = True
    output = run("--yes")
    assert f"{prefix}-annotator: InProgress, 50 % replaced" in output
    for group in aws.groups:
        assert f"{group}: Successful, 100 % replaced" in output


def test_a_second_deploy_ends_the_replacement_by_the_first(
    run: Deploy, aws: AwsLike, prefix: str
) -> None:
    run("--yes")
    boto3.client("autoscaling").start_instance_refresh(AutoScalingGroupName=f"{prefix}-annotator")
    output = run("--yes")
    assert f"{prefix}-annotator: ending the replacement by an earlier release" in output
    assert [one["Status"] for one in aws.refreshes[f"{prefix}-annotator"]] == [
        "Cancelled",
        "Successful",
    ]
    assert aws.refreshes[f"{prefix}-util"][-1]["Status"] == "Successful"


def test_a_roll_out_is_resumed_where_the_stack_has_no_changes(
    run: Deploy, aws: AwsLike, prefix: str
) -> None:
    run("--yes")
    boto3.client("autoscaling").start_instance_refresh(AutoScalingGroupName=f"{prefix}-web")
    aws.changes = False
    output = run("--yes")
    assert f"{prefix}-web: a replacement is under way already; it goes on" in output
    assert [one["Status"] for one in aws.refreshes[f"{prefix}-web"]] == ["Successful"]
    assert [one["Status"] for one in aws.refreshes[f"{prefix}-util"]] == ["Successful"]


def test_a_dry_run_without_changes_replaces_nothing(run: Deploy, aws: AwsLike) -> None:
    run("--yes")
    aws.changes = False
    assert "Nothing was changed." in run("--dry-run")
    assert not any(aws.refreshes.values())


def test_a_replacement_that_fails_is_reported(run: Deploy, aws: AwsLike, prefix: str) -> None:
    run("--yes")
    aws.changes = False
    boto3.client("autoscaling").start_instance_refresh(AutoScalingGroupName=f"{prefix}-annotator")
    aws.refreshes[f"{prefix}-annotator"][0]["waits"] = "True"
    output = refused(run, "--yes")
    assert f"the instances of {prefix}-annotator were not all replaced (Failed)" in output
    assert "Waited one hour" in output
