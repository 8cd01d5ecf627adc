"""The template by AWS's rules that neither its linter nor a local CloudFormation knows."""

import re
from typing import Any

import pytest

from aws.config import SMALLEST
from aws.processes import PROCESSES, InstanceKind, of_kind
from aws.stack.template import rendered
from tests.aws.stack.parsed import ACCOUNT, Parsed

GROUPS = {kind: f"{kind.capitalize()}Group" for kind in InstanceKind if of_kind(kind)}
RESTORABLE_DAYS = 35
"""How far back a table can be restored (DynamoDB guide, point-in-time recovery)."""


def named(node: Any) -> set[str]:
    """The logical ids and parameters that a part of the template refers to, and its DependsOn."""
    if isinstance(node, list):
        return set().union(*map(named, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    found: set[str] = set()
    for key, value in node.items():
        if key == "Ref":
            found.add(value)
        elif key == "Fn::GetAtt":
            found.add(value.partition(".")[0])
        elif key == "Fn::Sub":
            found |= {m.partition(".")[0] for m in re.findall(r"\$\{([^}]+)\}", value)}
        else:
            found |= named(value)
    return found


def needs(parsed: Parsed, logical: str) -> set[str]:
    """All that CloudFormation makes before this resource, and deletes after it.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-dependson.html
    """
    resources, found, open_ends = parsed.raw["Resources"], set[str](), {logical}
    while open_ends:
        resource = resources[open_ends.pop()]
        before = resource.get("DependsOn", [])
        direct = named(resource) | ({before} if isinstance(before, str) else set(before))
        new = (direct & resources.keys()) - found
        found |= new
        open_ends |= new
    return found


def test_the_senders_identity_is_taken_to_be_there(parsed: Parsed) -> None:
    """SES refuses to make it again: AlreadyExistsException (API of CreateEmailIdentity)."""
    assert "MailIdentityOfSender" not in parsed.resources


def test_requests_are_measured_only_where_a_listener_leads_to_the_group(parsed: Parsed) -> None:
    """PutScalingPolicy: the load balancer does not route traffic to the target group."""
    assert "HttpsListener" in needs(parsed, "WebRequestsTarget")


@pytest.mark.parametrize(
    ("prefix", "fits"),
    [
        ("gas", True),
        ("a" * 28, True),
        ("a" * 29, False),
        ("internal-gas", False),
        ("internal", False),
        ("internals", True),
        ("gas-", False),
    ],
)
def test_a_prefix_leaves_room_for_a_load_balancers_name(
    prefix: str, fits: bool, parsed: Parsed
) -> None:
    """32 characters, not beginning with internal- (API of CreateLoadBalancer)."""
    pattern = parsed.raw["Parameters"]["Prefix"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, prefix)) is fits
    if fits:
        name = f"{prefix}-web"
        assert len(name) <= 32
        assert not name.startswith("internal-")


@pytest.mark.parametrize("kind", GROUPS)
def test_a_group_comes_after_what_its_processes_need_and_goes_before_it(
    kind: str, parsed: Parsed
) -> None:
    before = needs(parsed, GROUPS[InstanceKind(kind)])
    wanted = {f"{process.name.capitalize()}Role" for process in of_kind(InstanceKind(kind))}
    wanted |= {f"{process.name.capitalize()}Log" for process in of_kind(InstanceKind(kind))}
    wanted |= {"FinishPolicy", "BootLog"}
    if kind == InstanceKind.WEB:
        wanted |= {"WebSecret", "HttpsListener"}
    for logical, resource in parsed.resources.items():
        if resource["Type"] in ("AWS::DynamoDB::Table", "AWS::SQS::QueuePolicy"):
            wanted.add(logical)
        if resource["Type"] == "AWS::SNS::Subscription" and logical != "AlarmMail":
            wanted.add(logical)
    assert wanted <= before


def test_what_is_kept_can_be_taken_up_again(parsed: Parsed) -> None:
    """ImportExistingResources takes up what has a name of its own and a policy to be kept.

    A secret's identifier is its ARN, known only once it is made, so it goes with the stack.
    """
    for logical, resource in parsed.resources.items():
        if resource.get("DeletionPolicy", "Delete") != "Delete":
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate", logical
            assert resource["Type"] in ("AWS::S3::Bucket", "AWS::DynamoDB::Table"), logical
            assert {"BucketName", "TableName"} & resource["Properties"].keys(), logical


def test_a_creation_that_is_undone_can_delete_its_tables(parsed: Parsed) -> None:
    """./gas deploy protects them once the stack is whole; see test_deploy.py."""
    for table in parsed.of("AWS::DynamoDB::Table").values():
        assert "DeletionProtectionEnabled" not in table


@pytest.mark.parametrize("kind", ["Inputs", "Results", "Archive", "References"])
def test_a_deleted_object_can_be_brought_back_as_long_as_a_row(kind: str, parsed: Parsed) -> None:
    bucket = parsed.resources[f"{kind}Bucket"]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    days = [
        rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for rule in bucket["LifecycleConfiguration"]["Rules"]
        if rule["Prefix"] == "" and "NoncurrentVersionExpiration" in rule
    ]
    assert days == [RESTORABLE_DAYS]


@pytest.mark.parametrize("kind", ["Inputs", "Results", "Archive", "References"])
def test_no_process_may_delete_for_good_whatever_its_role_says(kind: str, parsed: Parsed) -> None:
    assert "s3:DeleteObjectVersion" not in str(parsed.of("AWS::IAM::ManagedPolicy"))
    assert "s3:DeleteObjectVersion" not in str(parsed.of("AWS::IAM::Role"))
    policy = parsed.of("AWS::S3::BucketPolicy")[f"{kind}BucketPolicy"]["PolicyDocument"]
    (deny,) = (s for s in policy["Statement"] if s["Sid"] == "NoProcessEndsAVersion")
    assert (deny["Effect"], deny["Principal"]) == ("Deny", "*")
    assert {
        "s3:DeleteObjectVersion",
        "s3:PutBucketVersioning",
        "s3:PutLifecycleConfiguration",
        "s3:PutBucketPolicy",
    } <= set(deny["Action"])
    names = [f"gas-acme-{process.name}" for process in PROCESSES]
    names += [f"{kind.capitalize()}HostRole" for kind in InstanceKind]
    roles = {f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in names}
    assert set(deny["Condition"]["ArnEquals"]["aws:PrincipalArn"]) == roles


def test_uploads_expire_when_no_restored_row_can_ask_for_them(parsed: Parsed) -> None:
    rules = parsed.resources["InputsBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [r["ExpirationInDays"] for r in rules if "ExpirationInDays" in r] == ["60"]
    assert parsed.raw["Parameters"]["InputDays"]["MinValue"] > RESTORABLE_DAYS
    results = parsed.resources["ResultsBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert not [r for r in results if "ExpirationInDays" in r]


def test_the_smallest_numbers_of_instances_are_set_for_each_group() -> None:
    parsed = Parsed(rendered(), MinWebInstances="1", MinAnnotators="0")
    groups = parsed.of("AWS::AutoScaling::AutoScalingGroup")
    assert groups["WebGroup"]["MinSize"] == "1"
    assert groups["AnnotatorGroup"]["MinSize"] == "0"


def test_nothing_pays_for_metrics_that_nothing_reads(parsed: Parsed) -> None:
    for made in parsed.of("AWS::EC2::LaunchTemplate").values():
        assert made["LaunchTemplateData"]["Monitoring"] == {"Enabled": False}


def test_the_jobs_of_an_annotator_leave_memory_for_the_machine(parsed: Parsed) -> None:
    """A c6i.large has 4096 MB; the daemon, the agent and the kernel want some of them."""
    tags = parsed.resources["AnnotatorTemplate"]["Properties"]["LaunchTemplateData"][
        "TagSpecifications"
    ][0]["Tags"]
    values = {tag["Key"]: tag["Value"] for tag in tags}
    jobs = int(values["gas:annotator.memory_mb"]) * int(values["gas:annotator.workers"])
    assert jobs <= 4096 - 768


def test_a_stack_grants_no_less_memory_than_an_annotator_starts_with(parsed: Parsed) -> None:
    least = parsed.raw["Parameters"]["AnnotatorMemoryMb"]["MinValue"]
    assert least == SMALLEST["memory_mb"]


def test_the_site_is_told_how_long_copies_and_logs_are_kept() -> None:
    parsed = Parsed(rendered(), LogDays="90")
    template = parsed.resources["WebTemplate"]["Properties"]["LaunchTemplateData"]
    values = {tag["Key"]: tag["Value"] for tag in template["TagSpecifications"][0]["Tags"]}
    assert values["gas:web.deleted_days"] == str(RESTORABLE_DAYS)
    assert values["gas:web.log_days"] == "90"


def test_a_budget_is_watched_where_somebody_can_be_mailed() -> None:
    def budgets(**parameters: str) -> list[dict[str, Any]]:
        return list(Parsed(rendered(), **parameters).of("AWS::Budgets::Budget").values())

    assert not budgets()
    assert not budgets(MonthlyBudget="300")
    (one,) = budgets(MonthlyBudget="300", AlarmEmail="ops@example.org")
    assert one["Budget"]["BudgetLimit"] == {"Amount": "300", "Unit": "USD"}
    assert {
        subscriber["Address"]
        for notice in one["NotificationsWithSubscribers"]
        for subscriber in notice["Subscribers"]
    } == {"ops@example.org"}


def test_a_shell_on_an_instance_is_a_choice() -> None:
    def attached(**parameters: str) -> list[str]:
        roles = Parsed(rendered(), **parameters).of("AWS::IAM::Role")
        return [str(r["ManagedPolicyArns"]) for n, r in roles.items() if n.endswith("HostRole")]

    assert len(attached()) == 3
    assert not any("AmazonSSM" in one for one in attached())
    chosen = attached(SessionManager="yes")
    assert all("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore" in one for one in chosen)


def test_glacier_may_announce_a_retrieval_as_the_account_that_asked_for_it(parsed: Parsed) -> None:
    """The topic must allow the account that created the job to publish (Glacier guide)."""
    policy = parsed.of("AWS::SNS::TopicPolicy")["ThawTopicPolicy"]["PolicyDocument"]
    principals = [s["Principal"] for s in policy["Statement"] if s["Effect"] == "Allow"]
    assert {"AWS": f"arn:aws:iam::{ACCOUNT}:root"} in principals


def test_an_annotator_describes_references_and_cannot_change_them(parsed: Parsed) -> None:
    statements = parsed.resources["AnnotatorRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    writes = [
        s["Resource"]
        for s in statements["Statement"]
        if "s3:PutObject" in s["Action"] and "references" in str(s["Resource"])
    ]
    bucket = "arn:aws:s3:::gas-acme-references"
    assert writes == [[f"{bucket}/*/reference.json", f"{bucket}/annotators/*"]]


def test_every_process_has_a_group() -> None:
    assert {process.kind for process in PROCESSES} == GROUPS.keys()
