"""Which errors of AWS pass, so that nobody's file is to blame for them."""

import pytest
from botocore.exceptions import ClientError

from aws.outage import is_outage


def refusal(code: str, status: int) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Anything")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("SlowDown", 503),
        ("AccessDenied", 403),
        ("AccessDeniedException", 400),
        ("ExpiredToken", 400),
        ("ExpiredTokenException", 400),
        ("InvalidToken", 400),
        ("400", 400),
        ("InvalidSignatureException", 400),
        ("RequestTimeTooSkewed", 403),
        ("NoSuchUpload", 404),
        ("BadDigest", 400),
        ("IncompleteBody", 400),
        ("OperationAborted", 409),
        ("KMSThrottlingException", 400),
    ],
)
def test_what_passes_is_an_outage(code: str, status: int) -> None:
    assert is_outage(refusal(code, status))


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ValidationException", 400),
        ("ConditionalCheckFailedException", 400),
        ("EntityTooLarge", 400),
        ("NoSuchKey", 404),
        ("404", 404),
    ],
)
def test_what_would_be_refused_for_ever_is_none(code: str, status: int) -> None:
    assert not is_outage(refusal(code, status))
