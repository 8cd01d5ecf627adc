"""The template and `./gas provision` make the same things with the same settings."""

import json
import sys
from dataclasses import replace
from typing import Any

import boto3
import pytest

from aws import provision as provisioning
from aws.config import ArchiveSettings, Config, GasSettings
from aws.processes import TOPICS
from aws.provision import provision
from aws.resources import BUCKETS
from tests.aws.stack.edge import Edge
from tests.aws.stack.parsed import Parsed

Attributes = dict[str, Any]


@pytest.fixture
def made(edge: Edge, config: Config) -> str:
    """The prefix of what `provision` made, with the template's own settings."""
    config = replace(
        config,
        gas=GasSettings(config.gas.prefix, "https://gas.example.org"),
        archive=ArchiveSettings("s3", 300, "gas"),
    )
    provision(config)
    return config.gas.prefix


def test_aws_itself_is_provisioned_only_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(sys, "argv", ["provision"])
    with pytest.raises(SystemExit, match=r"use \./gas deploy, or --really"):
        provisioning.main()


def short(text: str, prefix: str) -> str:
    """The last part of a name or an ARN, without the prefix."""
    return text.rpartition(":")[2].rpartition("/")[2].removeprefix(f"{prefix}-")


def test_queues(made: str, parsed: Parsed) -> None:
    planned = {}
    for queue in parsed.of("AWS::SQS::Queue").values():
        redrive = queue.get("RedrivePolicy", {})
        planned[short(queue["QueueName"], "gas-acme")] = {
            "delay": int(queue.get("DelaySeconds", 0)),
            "visibility": queue.get("VisibilityTimeout", 30),
            "retention": queue["MessageRetentionPeriod"],
            "dead": short(redrive.get("deadLetterTargetArn", ""), "gas-acme"),
            "receives": redrive.get("maxReceiveCount"),
        }
    assert planned == {name: _queue(made, name) for name in planned}


def _queue(prefix: str, name: str) -> Attributes:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{prefix}-{name}")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    redrive = json.loads(queue.get("RedrivePolicy", "{}"))
    return {
        "delay": int(queue["DelaySeconds"]),
        "visibility": int(queue["VisibilityTimeout"]),
        "retention": int(queue["MessageRetentionPeriod"]),
        "dead": short(redrive.get("deadLetterTargetArn", ""), prefix),
        "receives": redrive.get("maxReceiveCount"),
    }


def test_who_may_send_to_a_queue(made: str, parsed: Parsed) -> None:
    planned = {}
    for name, policy in parsed.of("AWS::SQS::QueuePolicy").items():
        if name == "DeadLettersPolicy":
            continue
        allowed = _allowed(policy["PolicyDocument"], "gas-acme")
        planned[allowed["resource"]] = allowed
    sqs = boto3.client("sqs")
    for name in TOPICS:
        url = sqs.get_queue_url(QueueName=f"{made}-{name}")["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
        assert _allowed(json.loads(found["Policy"]), made) == planned[name]


def _allowed(policy: Attributes, prefix: str) -> Attributes:
    """The statement that lets a service in; a topic of ours may let our account in as well."""
    allowed = [s for s in policy["Statement"] if s["Effect"] == "Allow"]
    statements = [s for s in allowed if "Service" in s["Principal"]]
    statement, named = statements[0], [s["Principal"]["Service"] for s in statements]
    services = {n for one in named for n in ([one] if isinstance(one, str) else one)}
    source = statement.get("Condition", {}).get("ArnEquals", {}).get("aws:SourceArn", "")
    return {
        "action": statement["Action"],
        "services": services,
        "resource": short(statement["Resource"], prefix),
        "source": short(source, prefix),
    }


def test_topics_and_their_subscriptions(made: str, parsed: Parsed) -> None:
    planned = {
        short(wanted["TopicArn"], "gas-acme"): (
            short(wanted["Endpoint"], "gas-acme"),
            str(wanted["RawMessageDelivery"]).lower(),
        )
        for wanted in parsed.of("AWS::SNS::Subscription").values()
    }
    assert planned.keys() == set(TOPICS)
    sns = boto3.client("sns")
    found = {}
    for page in sns.get_paginator("list_subscriptions").paginate():
        for one in page["Subscriptions"]:
            if f":{made}-" in one["TopicArn"]:
                arn = one["SubscriptionArn"]
                raw = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
                found[short(one["TopicArn"], made)] = (
                    short(one["Endpoint"], made),
                    raw["RawMessageDelivery"].lower(),
                )
    assert found == planned


def test_who_may_announce_a_thaw(made: str, parsed: Parsed) -> None:
    policy = parsed.of("AWS::SNS::TopicPolicy")["ThawTopicPolicy"]["PolicyDocument"]
    sns = boto3.client("sns")
    (arn,) = [
        t["TopicArn"]
        for p in sns.get_paginator("list_topics").paginate()
        for t in p["Topics"]
        if t["TopicArn"].endswith(f":{made}-thaw")
    ]
    found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    assert _allowed(json.loads(found), made) == _allowed(policy, "gas-acme")


def test_tables(made: str, parsed: Parsed) -> None:
    dynamodb = boto3.client("dynamodb")
    tables = parsed.of("AWS::DynamoDB::Table").values()
    assert len(tables) == 2
    for planned in tables:
        name = f"{made}-{short(planned['TableName'], 'gas-acme')}"
        found = dynamodb.describe_table(TableName=name)["Table"]
        found["BillingMode"] = found["BillingModeSummary"]["BillingMode"]
        assert _table(found) == _table(planned)


def _table(table: Attributes) -> Attributes:
    indexes = {
        i["IndexName"]: (i["KeySchema"], i["Projection"]) for i in table["GlobalSecondaryIndexes"]
    }
    kinds = {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]}
    return {
        "key": table["KeySchema"],
        "kinds": kinds,
        "indexes": indexes,
        "billing": table["BillingMode"],
    }


def test_buckets(made: str, parsed: Parsed) -> None:
    planned = {short(b["BucketName"], "gas-acme"): b for b in parsed.of("AWS::S3::Bucket").values()}
    del planned["logs"]  # nothing writes access logs in a local world
    assert planned.keys() == set(BUCKETS)
    for kind, bucket in planned.items():
        assert _bucket(f"{made}-{kind}", made) == {
            "closed": bucket["PublicAccessBlockConfiguration"],
            "cors": [
                _cors(rule) for rule in bucket.get("CorsConfiguration", {}).get("CorsRules", [])
            ],
            "stale": [
                rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
                for rule in bucket.get("LifecycleConfiguration", {}).get("Rules", [])
                if rule["Id"] == "stale-uploads"
            ],
            "kept_days": [
                int(rule["ExpirationInDays"])
                for rule in bucket.get("LifecycleConfiguration", {}).get("Rules", [])
                if "ExpirationInDays" in rule and not rule["Prefix"]
            ],
            "notices": [
                ([notice["Event"]], short(notice["Topic"], "gas-acme"))
                for notice in bucket.get("NotificationConfiguration", {}).get(
                    "TopicConfigurations", []
                )
            ],
        }


def _cors(rule: Attributes) -> Attributes:
    return {
        "methods": rule["AllowedMethods"],
        "headers": rule["AllowedHeaders"],
        "origins": rule["AllowedOrigins"],
        "exposed": rule.get("ExposedHeaders") or rule.get("ExposeHeaders"),
        "age": rule.get("MaxAge") or rule.get("MaxAgeSeconds"),
    }


def _bucket(name: str, prefix: str) -> Attributes:
    s3 = boto3.client("s3")

    def configured(call: Any, part: str) -> list[Attributes]:
        try:
            return list(call(Bucket=name)[part])
        except s3.exceptions.ClientError as error:
            if not error.response["Error"]["Code"].startswith("NoSuch"):
                raise
            return []

    notices = s3.get_bucket_notification_configuration(Bucket=name)
    return {
        "closed": s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"],
        "cors": [_cors(rule) for rule in configured(s3.get_bucket_cors, "CORSRules")],
        "stale": [
            rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
            for rule in configured(s3.get_bucket_lifecycle_configuration, "Rules")
        ],
        "kept_days": [
            rule["Expiration"]["Days"]
            for rule in configured(s3.get_bucket_lifecycle_configuration, "Rules")
            if "Expiration" in rule
        ],
        "notices": [
            (notice["Events"], short(notice["TopicArn"], prefix))
            for notice in notices.get("TopicConfigurations", [])
        ],
    }


def test_one_secret_of_the_name_that_the_site_reads(parsed: Parsed) -> None:
    (secret,) = parsed.of("AWS::SecretsManager::Secret").values()
    assert secret["Name"] == "gas-acme/web"
