from dataclasses import replace

import pytest

from aws.config import Config
from aws.events import Events
from aws.provision import provision
from aws.resources import World, connect
from tests import builders
from tests.web.browser import Person, visitor
from tests.web.conftest import site
from web.services.payments import is_in


def test_subscribing_makes_premium_and_says_what_is_coming_back(ada: Person, world: World) -> None:
    for _ in range(2):
        builders.archived(world, ada)
    builders.completed(world, ada)
    assert "2 of your results are archived" in ada.get("/subscribe").text
    reply = ada.post("/subscribe", "/subscribe")
    assert (reply.status_code, reply.location) == (303, "/subscribe")
    account = world.accounts.get(ada.user_id)
    assert account.is_premium
    assert account.pending_role_change == 1
    page = ada.get("/subscribe").text
    assert "2 archived results are on the way back" in page
    assert "1 is here already" in page


def test_subscribing_twice_changes_nothing_more(ada: Person, world: World) -> None:
    for _ in range(2):
        ada.post("/subscribe", "/annotations")
    assert world.accounts.get(ada.user_id).role_changes == 1


def test_unsubscribing_first_says_what_will_be_archived(grace: Person, world: World) -> None:
    builders.completed(world, grace)
    page = grace.get("/unsubscribe").text
    assert "1 result can be downloaded for another 5 min" in page
    grace.post("/unsubscribe", "/unsubscribe")
    assert not world.accounts.get(grace.user_id).is_premium
    page = grace.get("/subscribe").text
    assert "You are on the free plan" in page
    assert "1 result</strong> can still be downloaded" in page


def test_the_last_of_many_changes_holds(ada: Person, world: World) -> None:
    for path in ("/subscribe", "/unsubscribe", "/subscribe"):
        ada.post(path, "/annotations")
    account = world.accounts.get(ada.user_id)
    assert (account.is_premium, account.pending_role_change) == (True, 3)


def test_a_role_that_could_not_be_announced_is_written_all_the_same(
    ada: Person, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ConnectionError("SNS is away")

    monkeypatch.setattr(Events, "publish", refuse)
    assert ada.post("/subscribe", "/subscribe").status_code == 303
    assert world.accounts.get(ada.user_id).pending_role_change == 1


def test_the_profile_tells_who_and_what_plan(grace: Person) -> None:
    page = grace.get("/profile").text
    for words in ("Ada Lovelace", "ada@example.org", "Analytical Institute", "Premium", "5 GB"):
        assert words in page


def test_no_notices_are_taken_without_a_provider(ada: Person) -> None:
    assert ada.client.post("/payments/notice", data=b"{}").status_code == 404


@pytest.mark.parametrize(
    ("people", "has_ada"),
    [
        ("", True),
        ("example.org", True),
        ("org", True),
        ("example.com, EXAMPLE.org", True),
        ("ada@example.org", True),
        ("example.com", False),
        ("ample.org", False),
        ("grace@example.org", False),
    ],
)
def test_members_are_listed_by_domain_or_address(
    people: str, has_ada: bool, ada: Person, world: World
) -> None:
    assert is_in(people, world.accounts.get(ada.user_id)) is has_ada


def test_premium_may_be_for_members_only_and_the_page_says_so(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    payments = replace(config.payments, premium_for="lab.example")
    provision(config)
    world = connect(replace(config, payments=payments))
    ada = visitor(site(world, monkeypatch), world)
    page = ada.get("/subscribe").text
    assert "Premium is for members here" in page
    assert "Subscribe to premium" not in page
    assert ada.post("/subscribe", "/annotations").status_code == 403
    assert not world.accounts.get(ada.user_id).is_premium


def test_what_the_plans_cost_is_said_before_anybody_signs_in(ada: Person, grace: Person) -> None:
    for text in (ada.client.application.test_client().get("/").text, ada.get("/subscribe").text):
        assert "It costs" in text
        assert "nothing here" in text
