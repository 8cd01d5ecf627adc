"""The site's app on the local AWS, and people in front of it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from aws.config import GlobusSettings, load
from aws.provision import provision
from aws.resources import World, connect
from aws.secrets import Secrets
from tests.conftest import PATIENCE_S, Handle
from tests.web.browser import Person, visitor
from web import context
from web.app import create_app

NOWHERE = "http://localhost:1"
"""An issuer that nobody answers for: these tests do not sign in."""
SECRETS = Secrets("a key", "a client", "a secret")


@pytest.fixture(scope="session")
def world(local_aws: Handle) -> World:
    """One world for all of these tests: each has people of its own in it."""
    config = load(env={"GAS_GAS_PREFIX": "web"})
    provision(config)
    return connect(config)


def body_of(reply: TestResponse) -> Any:
    """The JSON of a reply."""
    return json.loads(reply.text)


def site(world: World, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The site on this world, with a Globus that does not answer."""
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", NOWHERE)
    config = replace(world.config, globus=GlobusSettings(NOWHERE))
    made = create_app(replace(world, config=config), SECRETS)
    made.extensions[context.KEY].explorer.engine.timeout_s = PATIENCE_S
    return made


@pytest.fixture
def app(world: World, monkeypatch: pytest.MonkeyPatch) -> Flask:
    return site(world, monkeypatch)


@pytest.fixture
def ada(app: Flask, world: World) -> Person:
    """A free user."""
    return visitor(app, world)


@pytest.fixture
def grace(app: Flask, world: World) -> Person:
    """A premium user."""
    return visitor(app, world, premium=True)
