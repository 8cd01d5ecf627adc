"""A page elsewhere, or a name of its own that points to loopback, gets nothing of a local world."""

from urllib.parse import urlsplit

import pytest
import requests

from local.globus import LocalGlobus
from tests.conftest import PATIENCE_S, Handle

REBOUND = "rebind.evil.example"
EVIL = f"http://{REBOUND}"


def asked(url: str, method: str = "GET", **headers: str) -> requests.Response:
    return requests.request(method, url, headers=headers, data=b"", timeout=PATIENCE_S)


@pytest.mark.parametrize("path", ["/mail.json", "/_gas/health", "/some-bucket/key"])
@pytest.mark.parametrize("host", [f"{REBOUND}:5001", "localhost.evil.example", "["])
def test_the_local_aws_has_no_other_name(local_aws: Handle, path: str, host: str) -> None:
    reply = asked(local_aws.url + path, Host=host)
    assert (reply.status_code, reply.text) == (403, "not by this name\n")


def test_the_local_aws_answers_to_its_own_names(local_aws: Handle) -> None:
    port = urlsplit(local_aws.url).port
    for host in (f"localhost:{port}", "127.0.0.1", f"[::1]:{port}", f"bucket.localhost:{port}"):
        assert asked(f"{local_aws.url}/_gas/health", Host=host).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/_gas/fail"), ("PUT", "/_gas/settings"), ("GET", "/mail.json")]
)
def test_a_page_elsewhere_changes_nothing(local_aws: Handle, method: str, path: str) -> None:
    reply = asked(local_aws.url + path, method, Origin=EVIL)
    assert (reply.status_code, reply.text) == (403, "not from this page\n")


def test_motos_console_is_closed(local_aws: Handle) -> None:
    assert asked(f"{local_aws.url}/moto-api/data.json").status_code == 403


def test_the_local_globus_answers_to_its_own_names_only() -> None:
    globus = LocalGlobus(0)
    globus.start()
    path = f"{globus.url}/jwk.json"
    assert asked(path).status_code == 200
    assert asked(path, Host=REBOUND).status_code == 403
    assert asked(path, Origin=EVIL).status_code == 403
    assert asked(path, Origin=globus.url).status_code == 200
    globus.stop()
