"""The instance metadata service of EC2, version 2."""

import http.client
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

ENDPOINT = "http://169.254.169.254"
TIMEOUT_S = 1.0
TOKEN_S = 21600
"""The longest that a token may live."""


class Imds:
    """Reads metadata with a session token, a new one when the old is refused.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
    """

    def __init__(self, endpoint: str = ENDPOINT) -> None:
        self.address = urlsplit(endpoint).netloc
        self._token = ""

    def get(self, path: str) -> str | None:
        """The text at `path` below `meta-data/`, None where there is none. Raises OSError."""
        for _ in range(2):
            self._token = self._token or self._new_token()
            headers = {"X-aws-ec2-metadata-token": self._token}
            status, text = self._ask("GET", f"/latest/meta-data/{path}", headers)
            if status != http.HTTPStatus.UNAUTHORIZED:
                break
            self._token = ""
        if status == http.HTTPStatus.NOT_FOUND:
            return None
        if status != http.HTTPStatus.OK:
            raise OSError(f"the metadata service answers {status} for {path}")
        return text

    def _new_token(self) -> str:
        headers = {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_S)}
        status, text = self._ask("PUT", "/latest/api/token", headers)
        if status != http.HTTPStatus.OK:
            raise OSError(f"the metadata service gives no token ({status})")
        return text

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.address, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, headers=dict(headers))
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        except http.client.HTTPException as fault:
            raise OSError(f"the metadata service answered no HTTP: {fault!r}") from None
        finally:
            connection.close()


def find(env: Mapping[str, str] = os.environ) -> Imds | None:
    """The metadata service where there may be one, by boto3's own settings; makes no request.

    None where it is switched off, or where an endpoint other than Amazon's is configured.
    """
    endpoint = env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT")
    if env.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    if not endpoint and env.get("AWS_ENDPOINT_URL"):
        return None
    return Imds(endpoint or ENDPOINT)
