"""A look at what a stack stands on: quotas, certificate, network, image, zone, mail, rights."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from botocore.exceptions import BotoCoreError, ClientError

from aws.resources import STACK_BUCKETS, Clients, Names
from aws.stack import network
from aws.stack.finding import Finding

VCPU_QUOTA = ("ec2", "L-1216C47A")
"""Running On-Demand Standard instances, in vCPUs.

https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
"""
ROOT_DEVICE = "/dev/xvda"
"""The template's; another image's root would keep its own small disk, beside an empty large one."""
ACTIONS = (
    "cloudformation:ExecuteChangeSet",
    "iam:CreateRole",
    "iam:PassRole",
    "autoscaling:CreateAutoScalingGroup",
    "ec2:RunInstances",
    "elasticloadbalancing:CreateLoadBalancer",
    "dynamodb:CreateTable",
    "s3:CreateBucket",
    "sqs:CreateQueue",
    "sns:CreateTopic",
    "secretsmanager:CreateSecret",
    "cloudwatch:PutMetricAlarm",
)
"""One of each service that a deployment needs."""
TIMEOUT_S = 10
GONE = (
    "404",
    "NoSuchEntity",
    "NonExistentQueue",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
    "NotFound",
)

Parameters = Mapping[str, str]


@dataclass(frozen=True)
class Findings:
    """Everything that a look has found, in words that say what to do."""

    problems: list[str]
    notes: list[str]


def look(made: Clients, parameters: Parameters) -> Findings:
    """Ask AWS for all that the parameters of a stack, new or not, stand on."""
    return _gathered(_BASIS, made, parameters)


def look_before_update(made: Clients, parameters: Parameters) -> Findings:
    """Ask for the names alone that an update of a whole stack may come to take."""
    return _gathered({"the buckets": buckets_free}, made, parameters)


def look_before_creation(made: Clients, parameters: Parameters) -> Findings:
    """The same, and whether the caller has the rights and the names are free."""
    return _gathered({**_BASIS, "the rights": rights, "names": names_free}, made, parameters)


def _gathered(questions: Mapping[str, Any], made: Clients, parameters: Parameters) -> Findings:
    found: list[Finding] = []
    for subject, question in questions.items():
        try:
            found += question(made, parameters)
        except (ClientError, BotoCoreError) as fault:
            found.append(Finding(f"{subject} could not be looked at: {fault}", is_problem=False))
    return Findings(
        [one.text for one in found if one.is_problem],
        [one.text for one in found if not one.is_problem],
    )


def vcpus(made: Clients, parameters: Parameters) -> Iterator[Finding]:
    """The quota of vCPUs holds the smallest groups, and the site's while it is replaced."""
    service, code = VCPU_QUOTA
    reply = made.client("service-quotas").get_service_quota(ServiceCode=service, QuotaCode=code)
    quota = reply["Quota"]["Value"]
    web = int(parameters["MinWebInstances"])
    counts = [
        (parameters["WebInstanceType"], web + (web + 1) // 2),
        (parameters["AnnotatorInstanceType"], int(parameters["MinAnnotators"])),
        (parameters["UtilInstanceType"], 1),
    ]
    types = made.client("ec2").describe_instance_types(InstanceTypes=sorted({t for t, _ in counts}))
    sizes = {t["InstanceType"]: int(t["VCpuInfo"]["DefaultVCpus"]) for t in types["InstanceTypes"]}
    needed = sum(sizes[kind] * count for kind, count in counts)
    if quota < needed:
        yield Finding(
            f"the account may run {quota:.0f} vCPUs and this takes {needed} at the least: ask for "
            "more (Service Quotas, EC2, Running On-Demand Standard instances), days before"
        )


def certificate(made: Clients, parameters: Parameters) -> Iterator[Finding]:
    """The certificate is issued, and covers the domain."""
    arn, domain = parameters["CertificateArn"], parameters["Domain"]
    found = made.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    names = {found["DomainName"], *found.get("SubjectAlternativeNames", ())}
    if not {domain, f"*.{domain.partition('.')[2]}"} & names:
        yield Finding(f"the certificate is for {', '.join(sorted(names))}, not for {domain}")
    if found["Status"] != "ISSUED":
        yield Finding(
            f"the certificate is {found['Status']}, not ISSUED: put its CNAME into DNS, and wait"
        )


def image(made: Clients, parameters: Parameters) -> Iterator[Finding]:
    """The image is of the instances' architecture, and its root disk where the template has it."""
    path = parameters["ImageId"]
    found = made.client("ssm").get_parameter(Name=path)["Parameter"]["Value"]
    ec2 = made.client("ec2")
    described = ec2.describe_images(ImageIds=[found])["Images"][0]
    if described["RootDeviceName"] != ROOT_DEVICE:
        yield Finding(f"the root device of {path} is {described['RootDeviceName']}")
    kinds = {parameters[f"{kind}InstanceType"] for kind in ("Web", "Annotator", "Util")}
    for one in ec2.describe_instance_types(InstanceTypes=sorted(kinds))["InstanceTypes"]:
        if described["Architecture"] not in one["ProcessorInfo"]["SupportedArchitectures"]:
            yield Finding(
                f"{one['InstanceType']} cannot run {path}, which is for {described['Architecture']}"
            )


def zone(made: Clients, parameters: Parameters) -> Iterator[Finding]:
    """The hosted zone is the domain's."""
    if not parameters["HostedZoneId"]:
        yield Finding(
            "there is no HostedZoneId: make a CNAME from the domain to the output LoadBalancerDns",
            is_problem=False,
        )
        return
    reply = made.client("route53").get_hosted_zone(Id=parameters["HostedZoneId"])
    name = str(reply["HostedZone"]["Name"]).rstrip(".")
    if parameters["Domain"] != name and not parameters["Domain"].endswith(f".{name}"):
        yield Finding(f"HostedZoneId is the zone of {name}; {parameters['Domain']} is not in it")


def sending(made: Clients, parameters: Parameters) -> Iterator[Finding]:
    """SES may send; how much, is said where it is little."""
    account = made.client("sesv2").get_account()
    if not account.get("SendingEnabled", True):
        yield Finding("SES has paused this account's mail: see its Account dashboard")
    most = account.get("SendQuota", {}).get("Max24HourSend", 0)
    if 0 < most <= 200:
        yield Finding(f"SES sends {most:.0f} mails a day here: one belongs to each job", False)


def rights(made: Clients, parameters: Parameters) -> Iterator[Finding]:
    """The caller may do what a deployment does."""
    caller = made.client("sts").get_caller_identity()["Arn"]
    if ":root" in caller:
        return
    reply = made.client("iam").simulate_principal_policy(
        PolicySourceArn=_role_of(caller), ActionNames=list(ACTIONS)
    )
    denied = [
        r["EvalActionName"] for r in reply["EvaluationResults"] if r["EvalDecision"] != "allowed"
    ]
    if denied:
        yield Finding(f"{caller} lacks rights that a deployment needs: {', '.join(denied)}")


def _role_of(arn: str) -> str:
    """The role behind a session (`assumed-role/ROLE/SESSION`); another ARN as it is."""
    if ":assumed-role/" not in arn:
        return arn
    head, _, tail = arn.replace(":sts:", ":iam:").partition(":assumed-role/")
    return f"{head}:role/{tail.partition('/')[0]}"


def buckets_free(made: Clients, parameters: Parameters) -> Iterator[Finding]:
    """Nobody else has a bucket of these names; this account's own are taken up."""
    s3, names = made.s3(), Names(parameters["Prefix"])
    own = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    for bucket in sorted({names.bucket(kind) for kind in STACK_BUCKETS} - own):
        if _code(lambda name=bucket: s3.head_bucket(Bucket=name)) != "404":  # type: ignore[misc]
            yield Finding(
                f"the bucket {bucket} is somebody else's: choose another Prefix; for a stack "
                "that exists see docs/operating.md, If something fails"
            )


def names_free(made: Clients, parameters: Parameters) -> Iterator[Finding]:
    """Nothing else has the names; tables of an earlier stack are taken up."""
    names = Names(parameters["Prefix"])
    iam = made.client("iam")
    others = {
        f"the role {names.prefix}-web": lambda: iam.get_role(RoleName=f"{names.prefix}-web"),
        f"the queue {names.queue('job_requests')}": lambda: made.client("sqs").get_queue_url(
            QueueName=names.queue("job_requests")
        ),
        f"the secret {names.secret}": lambda: made.client("secretsmanager").describe_secret(
            SecretId=names.secret
        ),
    }
    for what, ask in others.items():
        if _code(ask) == "":
            yield Finding(
                f"{what} exists and belongs to no stack of this name: delete it, or choose another "
                "Prefix"
            )


def _code(ask: Callable[[], Any]) -> str:
    """The error code of a call; empty where it succeeds. Raises what says neither yes nor no."""
    try:
        ask()
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        if code == "403" or any(text in code for text in GONE):
            return code
        raise
    return ""


def globus_client(issuer: str, keys: Parameters) -> list[Finding]:
    """Globus takes the client's id and secret.

    https://docs.globus.org/api/auth/developer-guide/#client_credentials_grant
    """
    if "globus_client_id" not in keys:
        return []
    try:
        reply = requests.post(
            f"{issuer}/v2/oauth2/token",
            auth=(keys["globus_client_id"], keys["globus_client_secret"]),
            data={"grant_type": "client_credentials", "scope": "openid"},
            timeout=TIMEOUT_S,
        )
    except requests.RequestException as fault:
        return [Finding(f"Globus did not answer about the client: {fault}", is_problem=False)]
    if reply.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
        return [Finding("Globus does not take the client's id and secret: compare both")]
    return []


_BASIS: dict[str, Callable[[Clients, Parameters], Iterator[Finding]]] = {
    "the vCPU quota": vcpus,
    "the certificate": certificate,
    "the network": network.findings,
    "the image": image,
    "the zone": zone,
    "SES": sending,
    "the buckets": buckets_free,
}
