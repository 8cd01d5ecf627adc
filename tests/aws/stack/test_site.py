"""The way to the site by the template: TLS to its instances, a firewall, who asked for what."""

import json
import re

from aws.config import load
from aws.processes import PROCESSES
from aws.stack.template import HERE, rendered
from tests.aws.stack.iam import Rights
from tests.aws.stack.parsed import ACCOUNT, Parsed
from web.__main__ import options

BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
NGINX = (HERE / "nginx.conf").read_text()
LISTENS = re.compile(r"listen (\d+) ssl ")
BESIDE = 128
"""Threads and processes of the site besides those for clients: DuckDB's, timers, S3's transfers."""


def test_the_load_balancer_talks_tls_to_the_instances_and_so_does_its_health_check(
    parsed: Parsed,
) -> None:
    """Without HealthCheckProtocol it asks by http (API of CreateTargetGroup)."""
    (port,) = LISTENS.findall(NGINX)
    (group,) = parsed.of("AWS::ElasticLoadBalancingV2::TargetGroup").values()
    assert (group["Protocol"], group["Port"]) == ("HTTPS", int(port))
    assert group["HealthCheckProtocol"] == "HTTPS"
    (into,) = parsed.of("AWS::EC2::SecurityGroupIngress").values()
    (out,) = parsed.of("AWS::EC2::SecurityGroup")["LoadBalancerSecurity"]["SecurityGroupEgress"]
    assert {r[end] for r in (into, out) for end in ("FromPort", "ToPort")} == {int(port)}


def test_an_instance_whose_front_is_down_is_replaced_and_heard_of(parsed: Parsed) -> None:
    """The health check asks nginx, at the port of the site: no HealthCheckPort names another."""
    (target,) = parsed.of("AWS::ElasticLoadBalancingV2::TargetGroup").values()
    assert "HealthCheckPort" not in target
    group = parsed.of("AWS::AutoScaling::AutoScalingGroup")["WebGroup"]
    assert (group["HealthCheckType"], group["TargetGroupARNs"]) == ("ELB", ["WebTargetGroup"])
    alarm = parsed.of("AWS::CloudWatch::Alarm")["SiteSilentAlarm"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("UnHealthyHostCount", "Minimum")
    assert alarm["AlarmActions"][0].endswith(":gas-acme-alarms")
    unit = (HERE / "units" / "nginx.service.d" / "gas.conf").read_text()
    assert {"Restart=always", "StartLimitIntervalSec=0"} <= set(unit.splitlines())


def test_the_site_may_start_all_the_threads_that_its_clients_can_fill() -> None:
    """Where a thread cannot be started, gunicorn's worker ends, with every request in its hands."""
    settings = options(load(), "127.0.0.1:8081")
    unit = (HERE / "units" / "gas@web.service.d" / "web.conf").read_text()
    (most,) = re.findall(r"^TasksMax=(\d+)$", unit, re.MULTILINE)
    assert int(most) >= settings["threads"] * settings["workers"] + BESIDE


def test_the_fronts_complaints_go_to_the_log_of_the_site() -> None:
    agent = json.loads((HERE / "cloudwatch-agent.json").read_text())
    files = agent["logs"]["logs_collected"]["files"]["collect_list"]
    (path,) = re.findall(r"error_log (\S+) warn;", NGINX)
    assert [f["log_group_name"] for f in files if f["file_path"] == path] == ["/PREFIX/web"]


def test_who_asked_for_what_is_kept_for_as_long_as_logs_and_for_operators_alone(
    parsed: Parsed,
) -> None:
    buckets = parsed.of("AWS::S3::Bucket")
    (rule,) = buckets.pop("LogsBucket")["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == parsed.parameters["LogDays"]
    for logical, bucket in buckets.items():
        kind = bucket["BucketName"].removeprefix("gas-acme-")
        logging = {"DestinationBucketName": "gas-acme-logs", "LogFilePrefix": f"{kind}/"}
        assert bucket["LoggingConfiguration"] == logging, logical
    pairs = parsed.of(BALANCER)["LoadBalancer"]["LoadBalancerAttributes"]
    attributes = {pair["Key"]: pair["Value"] for pair in pairs}
    assert attributes["access_logs.s3.enabled"] == "true"
    assert attributes["access_logs.s3.bucket"] == "gas-acme-logs"
    for process in PROCESSES:
        assert "gas-acme-logs" not in json.dumps(Rights(parsed, process.name).statements)


def test_load_balancer_and_buckets_may_write_what_they_tell_before_they_are_made(
    parsed: Parsed,
) -> None:
    """A load balancer whose bucket refuses it cannot be made (API, access_logs.s3.bucket)."""
    policy = parsed.of("AWS::S3::BucketPolicy")["LogsBucketPolicy"]["PolicyDocument"]
    allowed = {
        s["Principal"]["Service"]: (s["Action"], s["Resource"])
        for s in policy["Statement"]
        if s["Effect"] == "Allow"
    }
    logs = "arn:aws:s3:::gas-acme-logs"
    assert allowed == {
        "logdelivery.elasticloadbalancing.amazonaws.com": (
            "s3:PutObject",
            f"{logs}/site/AWSLogs/{ACCOUNT}/*",
        ),
        "logging.s3.amazonaws.com": ("s3:PutObject", f"{logs}/*"),
    }
    for logical, resource in parsed.resources.items():
        if resource["Type"] in ("AWS::S3::Bucket", BALANCER) and logical != "LogsBucket":
            assert "LogsBucketPolicy" in resource["DependsOn"], logical


def test_a_firewall_comes_only_where_it_is_asked_for(parsed: Parsed) -> None:
    """It costs 9 US dollars a month, and 0.60 a million requests."""
    assert not [r for r in parsed.resources.values() if r["Type"].startswith("AWS::WAFv2::")]


def test_a_limit_that_the_firewall_does_not_know_is_refused_before_anything_is_made(
    parsed: Parsed,
) -> None:
    """RateBasedStatement takes 10 to 2,000,000,000 (AWS WAF's API)."""
    given = parsed.raw["Parameters"]["WafRequests"]
    allowed = re.compile(given["AllowedPattern"])
    assert all(allowed.fullmatch(value) for value in (given["Default"], "10", "2000", "999999999"))
    assert not any(allowed.fullmatch(value) for value in ("1", "9", "00", "-10", "2000000001", ""))
    assert "10" in given["ConstraintDescription"]


def test_the_firewall_limits_an_address_and_takes_what_people_rightly_send() -> None:
    parsed = Parsed(rendered(), WafRequests="2000")
    (acl,) = parsed.of("AWS::WAFv2::WebACL").values()
    (association,) = parsed.of("AWS::WAFv2::WebACLAssociation").values()
    assert association == {"ResourceArn": "LoadBalancer", "WebACLArn": "SiteAcl.Arn"}
    rules = {rule["Name"]: rule for rule in acl["Rules"]}
    assert rules["rate"]["Statement"]["RateBasedStatement"]["Limit"] == "2000"
    assert rules["rate"]["Action"]["Block"]["CustomResponse"] == {"ResponseCode": 429}
    common = rules["common"]["Statement"]["ManagedRuleGroupStatement"]
    assert {rule["Name"] for rule in common["RuleActionOverrides"]} == {
        "SizeRestrictions_BODY",  # more than 8 KB: variants that are pasted
        "CrossSiteScripting_BODY",  # <ID=DP,…>: a VCF's header
        "GenericLFI_BODY",  # ../genome.fa: its ##reference and ##command lines
        "GenericRFI_BODY",  # ftp://192.0.2.1/genome.fa: the same, and what people note
        "EC2MetaDataSSRF_BODY",  # a note on a machine; the site fetches no address of a user
        "SizeRestrictions_QUERYSTRING",  # more than 2 KB: a view of the explorer's
        "RestrictedExtensions_QUERYARGUMENTS",  # such as .log: the name of an upload
    }
    assert all(rule["ActionToUse"] == {"Count": {}} for rule in common["RuleActionOverrides"])
    assert len({rule["Priority"] for rule in acl["Rules"]}) == len(rules) == 4
