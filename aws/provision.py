"""Creates GAS's resources on the configured endpoint, local or on AWS without CloudFormation."""

import argparse
import json
import os
import sys
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws.config import Config, ConfigError, load
from aws.processes import TOPICS
from aws.resources import BUCKETS, DLQ_RETENTION_S, MAX_RECEIVES, Names, clients

EXISTS = {"BucketAlreadyOwnedByYou", "ResourceInUseException"}
MULTIPART_DAYS = 2
INPUT_CORS = {
    "AllowedMethods": ["POST", "PUT"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag", "Location"],
    "MaxAgeSeconds": 3000,
}
RESULT_CORS = {
    "AllowedMethods": ["GET", "HEAD"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["Content-Range", "Content-Length"],
    "MaxAgeSeconds": 3000,
}


def provision(config: Config) -> None:
    """Create the missing resources and apply the settings; running it again changes nothing."""
    names, made = Names(config.gas.prefix), clients(config)
    sns, sqs, s3, dynamodb = (
        made.client("sns"),
        made.client("sqs"),
        made.s3(),
        made.client("dynamodb"),
    )
    arns = {name: _topic(sns, names, name) for name in TOPICS}
    for name in TOPICS:
        _queue(sqs, sns, names, name, arns[name], config)
    for kind in BUCKETS:
        create_bucket(s3, names.bucket(kind), config.aws.region)
    _bucket_rules(s3, names, config, arns["thaw"])
    _table(dynamodb, names.table("annotations"), "job_id", user_index=True)
    _table(dynamodb, names.table("accounts"), "user_id", user_index=False)
    if config.archive.backend == "vault":
        made.client("glacier").create_vault(vaultName=config.archive.vault)
    made.client("ses").verify_email_identity(EmailAddress=config.mail.sender)


def _topic(sns: Any, names: Names, name: str) -> str:
    """Create a topic and return its ARN; S3 and Glacier may publish to `thaw`."""
    arn = str(sns.create_topic(Name=names.topic(name))["TopicArn"])
    if name == "thaw":
        policy = _policy(arn, "sns:Publish", ["s3.amazonaws.com", "glacier.amazonaws.com"])
        sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    return arn


def _queue(sqs: Any, sns: Any, names: Names, name: str, topic_arn: str, config: Config) -> None:
    """Create a queue, its dead-letter queue, and its subscription to the topic of its name."""
    dead = _created(sqs, names.queue(f"{name}_dlq"), MessageRetentionPeriod=str(DLQ_RETENTION_S))
    redrive = {"deadLetterTargetArn": dead[1], "maxReceiveCount": MAX_RECEIVES}
    url, arn = _created(sqs, names.queue(name), MessageRetentionPeriod=str(DLQ_RETENTION_S))
    settings = {
        "RedrivePolicy": json.dumps(redrive),
        "DelaySeconds": str(config.archive.delay_s if name == "results_archive" else 0),
        "VisibilityTimeout": str(config.aws.visibility_s),
        "Policy": _policy(arn, "sqs:SendMessage", ["sns.amazonaws.com"], source=topic_arn),
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes=settings)
    sns.subscribe(
        TopicArn=topic_arn,
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true"},
        ReturnSubscriptionArn=True,
    )


def _created(sqs: Any, name: str, **attributes: str) -> tuple[str, str]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    reply = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, reply["Attributes"]["QueueArn"]


def _policy(arn: str, action: str, services: list[str], source: str | None = None) -> str:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": services},
        "Action": action,
        "Resource": arn,
    }
    if source:
        statement["Condition"] = {"ArnEquals": {"aws:SourceArn": source}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def create_bucket(s3: Any, name: str, region: str) -> None:
    """Create a bucket closed to the public; close one that exists and is ours."""
    location = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        s3.create_bucket(Bucket=name, **({} if region == "us-east-1" else location))
    except ClientError as error:
        if error.response["Error"]["Code"] not in EXISTS:
            raise
    blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(
        Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(blocked, True)
    )


def _bucket_rules(s3: Any, names: Names, config: Config, thaw_arn: str) -> None:
    """Set CORS for the browser, expiry of stale uploads, and the notice of a finished restore."""
    for kind, rule in (("inputs", INPUT_CORS), ("results", RESULT_CORS)):
        rules = [{**rule, "AllowedOrigins": [config.gas.base_url]}]
        s3.put_bucket_cors(Bucket=names.bucket(kind), CORSConfiguration={"CORSRules": rules})
    stale = {
        "ID": "stale-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": MULTIPART_DAYS},
    }
    for kind in ("inputs", "results", "archive"):
        expiry = {"Expiration": {"Days": config.sweep.input_days}} if kind == "inputs" else {}
        s3.put_bucket_lifecycle_configuration(
            Bucket=names.bucket(kind), LifecycleConfiguration={"Rules": [{**stale, **expiry}]}
        )
    if config.archive.backend != "s3":
        return
    notice = {"TopicArn": thaw_arn, "Events": ["s3:ObjectRestore:Completed"]}
    s3.put_bucket_notification_configuration(
        Bucket=names.bucket("archive"),
        NotificationConfiguration={"TopicConfigurations": [notice]},
    )


def _table(dynamodb: Any, name: str, key: str, user_index: bool) -> None:
    indexes = [_index("due_index", "due_shard", "due_time")]
    kinds = {key: "S", "due_shard": "N", "due_time": "N"}
    if user_index:
        indexes.append(_index("user_id_index", "user_id", "submit_time"))
        kinds |= {"user_id": "S", "submit_time": "N"}
    try:
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": k, "AttributeType": v} for k, v in kinds.items()
            ],
            GlobalSecondaryIndexes=indexes,
            BillingMode="PAY_PER_REQUEST",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in EXISTS:
            raise
    dynamodb.get_waiter("table_exists").wait(TableName=name)


def _index(name: str, partition: str, sort: str) -> dict[str, Any]:
    return {
        "IndexName": name,
        "KeySchema": [
            {"AttributeName": partition, "KeyType": "HASH"},
            {"AttributeName": sort, "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "ALL"},
    }


def main() -> None:
    """The command line: `./gas provision`."""
    parser = argparse.ArgumentParser(
        prog="./gas provision",
        description="Create the buckets, topics, queues, tables and vault of config.ini.",
        epilog="example: AWS_ENDPOINT_URL=http://localhost:5001 ./gas provision",
    )
    parser.add_argument(
        "--really", action="store_true", help="on AWS itself, where ./gas deploy is the usual way"
    )
    args = parser.parse_args()
    if not os.environ.get("AWS_ENDPOINT_URL") and not args.really:
        sys.exit(
            "gas: AWS_ENDPOINT_URL is not set, so this would make buckets, queues and tables on "
            "AWS itself, apart from any stack. For a local AWS set it (./gas up does all of this); "
            "for AWS use ./gas deploy, or --really"
        )
    try:
        config = load()
        provision(config)
    except (ConfigError, BotoCoreError, ClientError) as fault:
        sys.exit(f"gas: {fault}")
    sys.stdout.write(f"{config.gas.prefix}-… is ready in {config.aws.region}\n")


if __name__ == "__main__":
    main()
