"""The time by a store's own clock, which alone can judge the age of what it stores."""

from email.utils import parsedate_to_datetime
from typing import Any


def answered_time(reply: dict[str, Any]) -> float:
    """The time (epoch s) at which the store answered, by the `Date` header of its reply.

    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonResponseHeaders.html
    https://docs.aws.amazon.com/amazonglacier/latest/dev/api-common-response-headers.html
    """
    headers = reply["ResponseMetadata"]["HTTPHeaders"]
    return parsedate_to_datetime(headers["date"]).timestamp()


def s3_time(s3: Any, bucket: str) -> float:
    """The time (epoch s) by the clock of S3, with whoever may list this bucket."""
    return answered_time(s3.list_objects_v2(Bucket=bucket, MaxKeys=1))
