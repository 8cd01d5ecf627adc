"""S3's refusals, raised where a check fails and answered in S3's words."""

from dataclasses import dataclass


@dataclass
class S3Error(Exception):
    """A refusal of a request: HTTP status, S3's error code, words."""

    status: int
    code: str
    words: str


def denied(words: str = "Access Denied") -> S3Error:
    return S3Error(403, "AccessDenied", words)
