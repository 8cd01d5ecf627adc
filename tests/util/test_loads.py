"""Both load tools, against a whole private world."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from aws.stack.release import ROOT, sources
from local.demo import private_world
from local.service import LocalService
from tests.conftest import PATIENCE_S


def load(tool: str, *options: str, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Exit code, standard output and error; a process of its own, for gevent patches its own."""
    argv = [sys.executable, "-m", f"util.{tool}", *options]
    ran = subprocess.run(argv, capture_output=True, text=True, env=env, timeout=600)
    return ran.returncode, ran.stdout, ran.stderr


def test_no_instance_gets_the_load_tools() -> None:
    tools = {path for path in sources(ROOT) if path.startswith("util/") and "load" in path}
    assert tools == set()


@pytest.mark.parametrize("tool", ["web_load", "ann_load"])
def test_help_has_an_example(tool: str) -> None:
    code, output, _ = load(tool, "--help")
    assert code == 0
    assert "example: ./gas load" in output


def test_a_site_elsewhere_is_spared() -> None:
    code, _, errors = load("web_load", "--url", "https://gas.example.org")
    assert code == 1
    assert errors.splitlines()[-1].startswith("gas: https://gas.example.org is not on this machine")


def test_aws_itself_is_spared() -> None:
    env = {"AWS_ENDPOINT_URL": "https://sqs.us-east-1.amazonaws.com", "PATH": "/usr/bin"}
    code, _, errors = load("ann_load", env=env)
    assert code == 1
    assert "--anywhere allows it" in errors


@pytest.mark.parametrize("options", [("--count", "0"), ("--rate", "1000"), ("--file", "/nowhere")])
def test_the_pump_is_bounded_and_says_so(options: tuple[str, str]) -> None:
    code, _, errors = load("ann_load", *options)
    assert code == 1
    assert errors.startswith("gas: ")


@pytest.fixture(scope="module")
def service() -> Iterator[LocalService]:
    with private_world() as running:
        yield running


@pytest.mark.slow
@pytest.mark.xdist_group("loads")
def test_a_small_crowd_meets_no_error(service: LocalService) -> None:
    """People go where chance leads them: the crowd comes until it has been everywhere."""
    crowd = ("--users", "6", "--ramp", "6", "--think", "0.3", "--for", "8")
    wanted = {"list", "annotate", "upload and redirect", "details", "status"}
    deadline = time.monotonic() + PATIENCE_S
    while wanted:
        assert time.monotonic() < deadline, wanted
        code, output, errors = load("web_load", "--url", service.url, *crowd, "--json")
        assert code == 0, errors
        pages = {line["page"]: line for line in json.loads(output.splitlines()[-1])["pages"]}
        assert 1 <= pages["sign in: and back"]["requests"] <= 6
        assert pages["all"]["failures"] == 0
        wanted -= set(pages)


@pytest.mark.slow
@pytest.mark.xdist_group("loads")
def test_what_the_pump_sends_is_annotated(service: LocalService) -> None:
    code, output, errors = load(
        "ann_load", "--count", "8", "--rate", "20", "--json", env=service.env
    )
    assert code == 0, errors
    figures = json.loads(output.splitlines()[-1])
    assert (figures["submitted"], figures["completed"], figures["failed"]) == (8, 8, 0)
    assert 0 <= figures["wait_p50_s"] <= figures["wait_p95_s"] <= figures["drain_s"]
