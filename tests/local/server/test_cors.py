import pytest
import requests

from tests.conftest import PATIENCE_S
from tests.local.conftest import Clients

SITE = "http://localhost:5000"
RULE = {
    "AllowedMethods": ["POST", "PUT"],
    "AllowedOrigins": [SITE],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag", "Location"],
    "MaxAgeSeconds": 3000,
}


@pytest.fixture
def open_bucket(aws: Clients, bucket: str) -> str:
    """A bucket that the site's scripts may send to."""
    aws.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [RULE]})
    return bucket


def preflight(url: str, origin: str, method: str) -> requests.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type",
    }
    return requests.options(url, headers=headers, timeout=PATIENCE_S)


def test_a_preflight_from_the_site_is_allowed(aws: Clients, open_bucket: str) -> None:
    response = preflight(f"{aws.url}/{open_bucket}", SITE, "POST")
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == SITE
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert response.headers["Access-Control-Allow-Headers"] == "content-type"


@pytest.mark.parametrize(
    ("origin", "method"), [("http://evil.example", "POST"), (SITE, "DELETE"), (SITE, "GET")]
)
def test_a_preflight_that_no_rule_allows_is_refused(
    aws: Clients, open_bucket: str, origin: str, method: str
) -> None:
    response = preflight(f"{aws.url}/{open_bucket}", origin, method)
    assert response.status_code == 403
    assert "Access-Control-Allow-Origin" not in response.headers


def test_a_bucket_without_rules_allows_nobody(aws: Clients, bucket: str) -> None:
    assert preflight(f"{aws.url}/{bucket}", SITE, "POST").status_code == 403


def test_a_script_may_read_the_reply_to_its_upload(aws: Clients, open_bucket: str) -> None:
    fields = {"success_action_status": "201"}
    signed = aws.s3.generate_presigned_post(open_bucket, "key", fields, [fields])
    headers = {"Origin": SITE}
    response = requests.post(
        signed["url"], signed["fields"], files={"file": b"x"}, headers=headers, timeout=PATIENCE_S
    )
    assert response.headers["Access-Control-Allow-Origin"] == SITE
    assert response.headers["Access-Control-Expose-Headers"] == "ETag, Location"


def test_a_script_may_read_why_its_upload_was_refused(aws: Clients, open_bucket: str) -> None:
    headers = {"Origin": SITE}
    files = {"file": b"x"}
    response = requests.post(
        f"{aws.url}/{open_bucket}", {"key": "k"}, files=files, headers=headers, timeout=PATIENCE_S
    )
    assert response.status_code == 403
    assert response.headers["Access-Control-Allow-Origin"] == SITE


def test_other_origins_cannot_read_what_they_have_a_link_to(aws: Clients, open_bucket: str) -> None:
    aws.s3.put_object(Bucket=open_bucket, Key="key", Body=b"x")
    url = aws.s3.generate_presigned_url("get_object", Params={"Bucket": open_bucket, "Key": "key"})
    response = requests.get(url, headers={"Origin": "http://evil.example"}, timeout=PATIENCE_S)
    assert "Access-Control-Allow-Origin" not in response.headers
