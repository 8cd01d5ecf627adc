"""What a stack stands on is looked at before anything is made."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from aws.config import load
from aws.resources import clients
from aws.stack import preflight, template
from tests.aws.stack.conftest import Deploy, refused
from tests.aws.stack.edge import Edge, Form, RefusedError
from tests.conftest import Handle

Look = Callable[..., preflight.Findings]
DEFAULTS = {
    p.name: p.default
    for p in template.parameters(template.rendered()).values()
    if p.default is not None
}
IMAGE = "/aws/service/debian/release/12/latest/amd64"


@pytest.fixture
def look(edge: Edge, prefix: str, foundation: dict[str, str]) -> Look:
    """A look by the template's defaults on a good foundation, but for what is given."""

    def looked(**changed: str) -> preflight.Findings:
        own = {"Prefix": prefix, "Domain": "gas.example.org", **foundation, **changed}
        return preflight.look_before_creation(clients(load()), {**DEFAULTS, **own})

    return looked


@pytest.fixture(scope="module", autouse=True)
def _image(local_aws: Handle) -> None:
    ec2 = boto3.client("ec2", endpoint_url=local_aws.url)
    instance = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]
    made = ec2.create_image(InstanceId=instance["InstanceId"], Name="debian")["ImageId"]
    ssm = boto3.client("ssm", endpoint_url=local_aws.url)
    ssm.put_parameter(Name="/gas/test/image", Value=made, Type="String")


def test_a_good_foundation_has_no_problem(look: Look) -> None:
    found = look()
    assert found.problems == []


def test_a_quota_too_small_is_a_problem_with_its_remedy(look: Look, edge: Edge) -> None:
    target = "ServiceQuotasV20190624.GetServiceQuota"
    edge.targets[target] = '{"Quota": {"Value": 5}}'
    (problem,) = look().problems
    assert "may run 5 vCPUs and this takes 12" in problem
    edge.targets[target] = '{"Quota": {"Value": 8}}'
    assert look(MinWebInstances="1", MinAnnotators="1").problems == []


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ('{"Status": "PENDING_VALIDATION", "DomainName": "gas.example.org"}', "not ISSUED"),
        ('{"Status": "ISSUED", "DomainName": "example.com"}', "not for gas.example.org"),
    ],
)
def test_a_certificate_that_will_not_do(
    certificate: str, words: str, look: Look, edge: Edge
) -> None:
    edge.targets["CertificateManager.DescribeCertificate"] = f'{{"Certificate": {certificate}}}'
    (problem,) = look().problems
    assert words in problem


def test_a_certificate_for_all_below_a_domain_will_do(look: Look, edge: Edge) -> None:
    wide = '{"Certificate": {"Status": "ISSUED", "DomainName": "*.example.org"}}'
    edge.targets["CertificateManager.DescribeCertificate"] = wide
    assert look().problems == []


def test_subnets_must_lead_where_they_are_used(look: Look, foundation: dict[str, str]) -> None:
    swapped = look(
        PublicSubnetIds=foundation["PrivateSubnetIds"],
        PrivateSubnetIds=foundation["PublicSubnetIds"],
    ).problems
    assert len([p for p in swapped if "no public subnet" in p]) == 2
    assert len([p for p in swapped if "no way out" in p]) == 2


def test_a_load_balancer_takes_two_zones(look: Look, foundation: dict[str, str]) -> None:
    (problem,) = look(PublicSubnetIds=foundation["PublicSubnetIds"].split(",")[0]).problems
    assert "two" in problem


def test_subnets_of_another_vpc(look: Look) -> None:
    (problem,) = look(VpcId="vpc-of-somebody").problems
    assert "are not in vpc-of-somebody" in problem


def test_a_zone_that_the_domain_is_not_in(look: Look) -> None:
    (problem,) = look(Domain="gas.example.com", CertificateArn="arn:aws:acm:1").problems[-1:]
    assert "gas.example.com is not in it" in problem


def test_without_a_zone_the_record_is_the_operators(look: Look) -> None:
    found = look(HostedZoneId="")
    assert found.problems == []
    assert any("CNAME" in note for note in found.notes)


def test_an_image_of_another_architecture(look: Look) -> None:
    found = look(ImageId="/gas/test/image", AnnotatorInstanceType="c6g.large").problems
    assert any("c6g.large cannot run /gas/test/image" in problem for problem in found)


def test_rights_that_are_lacking(look: Look, edge: Edge) -> None:
    edge.answers["SimulatePrincipalPolicy"] = (
        "<EvaluationResults><member><EvalActionName>iam:CreateRole</EvalActionName>"
        "<EvalResourceName>*</EvalResourceName><EvalDecision>implicitDeny</EvalDecision></member>"
        "</EvaluationResults>"
    )
    edge.answers["GetCallerIdentity"] = (
        "<Arn>arn:aws:sts::123456789012:assumed-role/dev/me</Arn><Account>123456789012</Account>"
    )
    assert any("iam:CreateRole" in problem for problem in look().problems)
    (asked,) = edge.called("SimulatePrincipalPolicy")
    assert asked["PolicySourceArn"] == "arn:aws:iam::123456789012:role/dev"


def test_what_may_not_be_asked_is_a_note(look: Look, edge: Edge) -> None:
    def denied(form: Form) -> str:
        raise RefusedError("AccessDenied", "not authorized to perform DescribeRouteTables")

    edge.answers["DescribeRouteTables"] = denied
    found = look()
    assert found.problems == []
    assert any(note.startswith("the network could not be looked at") for note in found.notes)


def test_names_that_something_else_has(look: Look, prefix: str) -> None:
    boto3.client("secretsmanager").create_secret(Name=f"{prefix}/web", SecretString="{}")
    boto3.client("sqs").create_queue(QueueName=f"{prefix}-job_requests")
    problems = look().problems
    assert any(f"the secret {prefix}/web exists" in problem for problem in problems)
    assert any(f"the queue {prefix}-job_requests exists" in problem for problem in problems)


def test_a_bucket_that_somebody_else_has_is_named_before_an_update_too(
    look: Look, run: Deploy, prefix: str
) -> None:
    """A stack of an earlier release has no bucket of logs; the update that makes it would fail."""
    sts = boto3.client("sts")
    role = sts.assume_role(RoleArn="arn:aws:iam::111111111111:role/x", RoleSessionName="else")
    key = role["Credentials"]
    theirs = boto3.client(
        "s3",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key["SessionToken"],
    )
    run("--yes")
    name = f"{prefix}-logs"
    words = f"the bucket {name} is somebody else's"
    assert words not in str(look().problems)
    boto3.client("s3").delete_bucket(Bucket=name)
    theirs.create_bucket(Bucket=name)
    assert words in str(look().problems)
    assert words in refused(run, "--yes")


def test_buckets_of_an_earlier_stack_are_no_problem(look: Look, prefix: str) -> None:
    boto3.client("s3").create_bucket(Bucket=f"{prefix}-inputs")
    assert look().problems == []


def test_a_creation_is_refused_before_anything_is_made(
    run: Deploy, edge: Edge, prefix: str
) -> None:
    edge.targets["ServiceQuotasV20190624.GetServiceQuota"] = '{"Quota": {"Value": 5}}'
    output = refused(run, "--yes")
    assert "this cannot be deployed as it is" in output
    assert "may run 5 vCPUs" in output
    names: list[dict[str, Any]] = boto3.client("s3").list_buckets()["Buckets"]
    assert not [one for one in names if one["Name"].startswith(prefix)]


def test_globus_is_asked_about_the_client(edge: Edge) -> None:
    keys = {"globus_client_id": "abc", "globus_client_secret": "wrong"}
    edge.posts["/v2/oauth2/token"] = 401
    (finding,) = preflight.globus_client(edge.url, keys)
    assert finding.is_problem
    edge.posts["/v2/oauth2/token"] = 200
    assert preflight.globus_client(edge.url, keys) == []
    (finding,) = preflight.globus_client("http://localhost:1", keys)
    assert not finding.is_problem
