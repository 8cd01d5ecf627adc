import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import flask
import pytest
from gunicorn.config import Config as Gunicorn
from gunicorn.http.parser import RequestParser

from aws.config import ConfigError, GasSettings
from aws.config import GlobusSettings as GlobusSettings
from aws.resources import World
from aws.secrets import Secrets
from tests.web.browser import visitor
from web.__main__ import CLIENTS, SiteLogger, options
from web.app import create_app
from web.services.streams import TooLong

SECRETS = Secrets("a key", "a client", "a secret", flask_old_keys=("an old key",))
REAL = "https://auth.globus.org"
LOCAL = "http://localhost:5002"


def made(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    base_url: str,
    issuer: str,
    service: str,
    **more: Any,
) -> Any:
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", service)
    config = replace(
        world.config, gas=GasSettings("gas", base_url), globus=GlobusSettings(issuer), **more
    )
    return create_app(replace(world, config=config), SECRETS)


def test_the_host_is_not_what_a_client_says_that_a_proxy_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load balancer of AWS adds X-Forwarded-For, -Proto and -Port; -Host comes from outside."""
    web = replace(world.config.web, proxies=1)
    app = made(world, monkeypatch, "https://gas.example.org", REAL, REAL, web=web)
    headers = {"X-Forwarded-Host": "evil.example.com", "X-Forwarded-Proto": "https"}
    with app.test_client() as client:
        client.get("/healthz", headers={"Host": "gas.example.org", **headers})
        assert flask.request.host == "gas.example.org"
        assert flask.request.scheme == "https"


@pytest.mark.parametrize(
    ("base_url", "issuer", "service"),
    [
        ("https://gas.example.org", REAL, REAL),
        ("http://localhost:5000", LOCAL, LOCAL),
        ("http://localhost:5000", REAL, REAL),
    ],
)
def test_honest_settings_are_accepted(
    world: World, monkeypatch: pytest.MonkeyPatch, base_url: str, issuer: str, service: str
) -> None:
    assert made(world, monkeypatch, base_url, issuer, service)


@pytest.mark.parametrize(
    ("base_url", "issuer", "service"),
    [
        ("https://gas.example.org", "http://auth.globus.org", "http://auth.globus.org"),
        ("https://gas.example.org", LOCAL, LOCAL),
        ("http://localhost:5000", REAL, LOCAL),
        ("http://localhost:5000", LOCAL, REAL),
        ("http://gas.example.org", REAL, REAL),
    ],
)
def test_an_issuer_that_could_be_anybody_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, base_url: str, issuer: str, service: str
) -> None:
    with pytest.raises(ConfigError):
        made(world, monkeypatch, base_url, issuer, service)


def test_stripe_without_its_keys_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    payments = replace(world.config.payments, provider="stripe", price="price_1")
    with pytest.raises(ConfigError, match="stripe_key"):
        made(world, monkeypatch, LOCAL, LOCAL, LOCAL, payments=payments)


def test_behind_tls_the_cookie_is_secure_and_the_transport_strict(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = made(world, monkeypatch, "https://gas.example.org", REAL, REAL)
    reply = app.test_client().get("/login", base_url="https://gas.example.org")
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith("__Host-gas=")
    assert "Secure" in cookie
    assert "max-age=31536000" in reply.headers["Strict-Transport-Security"]
    assert "redirect_uri=https%3A%2F%2Fgas.example.org%2Fauthcallback" in reply.location


def test_sessions_signed_with_an_old_key_still_hold(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = made(world, monkeypatch, LOCAL, LOCAL, LOCAL)
    app.config["SECRET_KEY"] = "an old key"
    client = visitor(app, world).client
    app.config.update(SECRET_KEY="a key", SECRET_KEY_FALLBACKS=[])
    assert "Sign out" not in client.get("/").text
    app.config["SECRET_KEY_FALLBACKS"] = ["an old key"]
    assert "Sign out" in client.get("/").text


def test_gunicorn_has_threads_for_slow_clients_and_the_processes_that_are_set(world: World) -> None:
    told = options(world.config, "localhost:5000")
    assert (told["threads"], told["workers"]) == (CLIENTS, world.config.web.processes)
    assert told["control_socket_disable"] is True


def test_a_scheme_that_a_client_says_a_proxy_said_is_not_believed(world: World) -> None:
    """gunicorn takes X-Forwarded-Proto from loopback by itself, whatever [web] proxies says."""
    config = Gunicorn()
    for name, value in options(world.config, "localhost:5000").items():
        config.set(name, value)
    sent = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\n\r\n"
    request = next(RequestParser(config, iter([sent]), ("127.0.0.1", 40000)))
    assert request.scheme == "http"


def test_gunicorns_own_messages_are_lines_of_the_sites_log(world: World) -> None:
    config = Gunicorn()
    config.set("logger_class", SiteLogger)
    logger = config.logger_class(config)
    assert (logger.error_log.handlers, logger.error_log.propagate) == ([], True)


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "web", *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_help_has_an_example() -> None:
    assert "example: ./gas web --bind" in run("--help").stdout


def test_a_missing_secret_stops_the_start_with_one_line(world: World) -> None:
    ended = run(GAS_GAS_PREFIX="nobody")
    assert ended.returncode == 1
    assert ended.stderr.strip().startswith("gas: cannot read the secret nobody/web")
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_bad_setting_stops_the_start_with_one_line() -> None:
    ended = run(GAS_WEB_THREADS="many")
    assert (ended.returncode, ended.stderr.strip()) == (
        1,
        "gas: [web] threads: 'many' is not a whole number",
    )


def test_a_client_that_stops_in_the_middle_is_no_error_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = Gunicorn()
    config.set("logger_class", SiteLogger)
    logger = config.logger_class(config)
    for fault in (BlockingIOError("too slow"), TooLong(), OSError("our own")):
        try:
            raise fault
        except (OSError, TooLong):
            logger.exception("Error handling request")
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [fault]
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
