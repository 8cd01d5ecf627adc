"""Tells an outage of AWS, which passes, from a request that will never succeed."""

from collections.abc import Iterator

import boto3.exceptions
from botocore.exceptions import BotoCoreError, ClientError

from aws.rows.table import Conflict

CODES = {
    "400",
    "AccessDeniedException",
    "BadDigest",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteBody",
    "InvalidSignatureException",
    "InvalidToken",
    "LimitExceededException",
    "NoSuchUpload",
    "OperationAborted",
    "ProvisionedThroughputExceededException",
    "RequestExpired",
    "RequestLimitExceeded",
    "RequestTimeout",
    "SlowDown",
    "TransactionInProgressException",
    "UnrecognizedClientException",
}
"""Errors with a status of 4xx that pass: load, bytes that arrived damaged, an upload in parts that
was complete when its completion was repeated, and what STATUSES are of where DynamoDB and S3 answer
with a 400: rights, a wrong clock, credentials that have expired. S3's answer to a HEAD has no
body, so that "400" is all that botocore has of it; nothing of a file's is in such a request.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
"""
STATUSES = {401, 403, 408, 429}
"""Refusals that an operator ends, and load: rights, credentials, a clock that is set wrong."""


def is_outage(fault: BaseException) -> bool:
    """True where AWS, the way to it or its settings failed, and not the request itself."""
    return any(map(_is_outage, _chain(fault)))


def _chain(fault: BaseException | None) -> Iterator[BaseException]:
    """The fault and those behind it: boto3 wraps the errors of its transfers."""
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__


def _is_outage(fault: BaseException) -> bool:
    if isinstance(fault, ClientError):
        answer = fault.response
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = answer.get("Error", {}).get("Code", "")
        return status >= 500 or status in STATUSES or code in CODES or "Throttl" in code
    passing = (BotoCoreError, Conflict, ConnectionError, boto3.exceptions.RetriesExceededError)
    return isinstance(fault, passing)
