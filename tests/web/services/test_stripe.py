import hashlib
import hmac
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from aws.config import GlobusSettings
from aws.resources import World
from aws.secrets import Secrets
from tests.conftest import PATIENCE_S
from tests.web.browser import Person, visitor
from tests.web.conftest import NOWHERE
from web.app import create_app

SIGNING_KEY = "whsec_a_key"
NOON = 1_800_000_000 // 86400 * 86400 + 43200
SECRETS = Secrets(
    "a key", "a client", "a secret", stripe_key="sk_test_1", stripe_webhook_key=SIGNING_KEY
)


class Stripe:
    """The endpoints of Stripe that GAS uses, on loopback; `subscriptions` are what it knows."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.keys: list[str | None] = []
        self.meanwhile: Callable[[], object] | None = None
        self.server = ThreadingHTTPServer(("localhost", 0), self._handler())
        self.url = f"http://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, path: str, customer: str) -> dict[str, Any]:
        if path == "/v1/checkout/sessions":
            url = "https://checkout.stripe.com/c/pay/1"
            return {"id": "cs_1", "object": "checkout.session", "url": url}
        if path == "/v1/billing_portal/sessions":
            url = "https://billing.stripe.com/p/1"
            return {"id": "bps_1", "object": "billing_portal.session", "url": url}
        if path == "/v1/subscriptions":
            return {"object": "list", "data": self.of(customer)}
        return self.subscriptions[path.rpartition("/")[2]]

    def of(self, customer: str) -> list[dict[str, Any]]:
        """What Stripe lists: cancelled ones are left out."""
        found = [s for s in self.subscriptions.values() if s["customer"] == customer]
        changed, self.meanwhile = self.meanwhile, None
        if changed:
            changed()
        return [s for s in found if s["status"] != "canceled"]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.reply("")

            def do_POST(self) -> None:
                self.reply(self.rfile.read(int(self.headers["Content-Length"])).decode())

            def reply(self, form: str) -> None:
                path, _, query = self.path.partition("?")
                fields = {name: values[0] for name, values in parse_qs(form or query).items()}
                stand_in.asked.append((path, fields))
                stand_in.keys.append(self.headers.get("Idempotency-Key"))
                body = json.dumps(stand_in.answer(path, fields.get("customer", ""))).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Tests are quiet."""

        return Handler


@pytest.fixture
def stripe() -> Iterator[Stripe]:
    made = Stripe()
    yield made
    made.stop()


@pytest.fixture
def app(world: World, stripe: Stripe, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", NOWHERE)
    monkeypatch.setenv("STRIPE_API_BASE", stripe.url)
    monkeypatch.setattr("web.services.stripe.TIMEOUT_S", PATIENCE_S)
    config = replace(
        world.config,
        globus=GlobusSettings(NOWHERE),
        payments=replace(world.config.payments, provider="stripe", price="price_premium"),
    )
    return create_app(replace(world, config=config), SECRETS)


def tell(
    person: Person,
    kind: str = "checkout.session.completed",
    key: str = SIGNING_KEY,
    at: float | None = None,
    subscription: str = "sub_1",
) -> TestResponse:
    """Send a notice to the webhook, signed as Stripe signs."""
    about = {"id": subscription, "object": "subscription"}
    if kind.startswith("checkout"):
        about = {"id": "cs_1", "object": "checkout.session", "subscription": subscription}
    body = json.dumps({"id": "evt_1", "object": "event", "type": kind, "data": {"object": about}})
    return send(person, body, key, at)


def send(
    person: Person, body: str, key: str = SIGNING_KEY, at: float | None = None
) -> TestResponse:
    """Send any body, signed."""
    stamp = int(at or time.time())
    mark = hmac.new(key.encode(), f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
    return person.client.post(
        "/payments/notice", data=body, headers={"Stripe-Signature": f"t={stamp},v1={mark}"}
    )


def know(
    stripe: Stripe,
    person: Person,
    status: str = "active",
    id: str = "sub_1",
    customer: str = "cus_1",
    price: str = "price_premium",
) -> None:
    """Have Stripe know a subscription."""
    stripe.subscriptions[id] = {
        "id": id,
        "object": "subscription",
        "status": status,
        "customer": customer,
        "metadata": {"user_id": person.user_id},
        "items": {"object": "list", "data": [{"id": "si_1", "price": {"id": price}}]},
    }


def test_subscribing_goes_to_the_checkout_and_changes_nothing_yet(
    ada: Person, stripe: Stripe, world: World
) -> None:
    reply = ada.post("/subscribe", "/subscribe")
    assert (reply.status_code, reply.location) == (303, "https://checkout.stripe.com/c/pay/1")
    assert not world.accounts.get(ada.user_id).is_premium
    _, asked = stripe.asked[0]
    assert asked["client_reference_id"] == ada.user_id
    assert asked["line_items[0][price]"] == "price_premium"
    assert asked["customer_email"] == "ada@example.org"
    assert asked["subscription_data[metadata][user_id]"] == ada.user_id


def test_a_signed_notice_makes_premium_once(ada: Person, stripe: Stripe, world: World) -> None:
    know(stripe, ada)
    for _ in range(3):
        assert tell(ada).status_code == 204
    account = world.accounts.get(ada.user_id)
    assert (account.is_premium, account.customer, account.role_changes) == (True, "cus_1", 1)


@pytest.mark.parametrize("status", ["canceled", "unpaid", "incomplete_expired"])
def test_the_end_of_a_subscription_makes_free(
    ada: Person, stripe: Stripe, world: World, status: str
) -> None:
    know(stripe, ada)
    tell(ada)
    know(stripe, ada, status)
    tell(ada, "customer.subscription.deleted")
    assert not world.accounts.get(ada.user_id).is_premium


def test_an_old_notice_that_comes_late_does_not_bring_premium_back(
    ada: Person, stripe: Stripe, world: World
) -> None:
    know(stripe, ada, "canceled")
    tell(ada, "customer.subscription.deleted")
    tell(ada, "checkout.session.completed")
    assert not world.accounts.get(ada.user_id).is_premium


def test_a_late_notice_of_an_old_subscription_takes_nothing_from_who_pays_for_a_new_one(
    ada: Person, stripe: Stripe, world: World
) -> None:
    know(stripe, ada, "canceled", "sub_1")
    know(stripe, ada, "active", "sub_5")
    tell(ada, subscription="sub_5")
    tell(ada, "customer.subscription.deleted", subscription="sub_1")
    account = world.accounts.get(ada.user_id)
    assert (account.is_premium, account.role_changes) == (True, 1)


def test_a_notice_of_another_customer_takes_nothing_either(
    ada: Person, stripe: Stripe, world: World
) -> None:
    know(stripe, ada, "active", "sub_1", "cus_1")
    tell(ada)
    know(stripe, ada, "unpaid", "sub_2", "cus_2")
    tell(ada, "customer.subscription.updated", subscription="sub_2")
    account = world.accounts.get(ada.user_id)
    assert (account.is_premium, account.customer) == (True, "cus_1")


@pytest.mark.parametrize(
    "change", [{"price": "price_of_something_cheap"}, {"status": "incomplete"}]
)
def test_another_price_buys_no_premium(
    ada: Person, stripe: Stripe, world: World, change: dict[str, str]
) -> None:
    know(stripe, ada, **change)
    assert tell(ada).status_code == 204
    assert not world.accounts.get(ada.user_id).is_premium


def test_a_subscription_for_another_user_buys_none(
    app: Flask, ada: Person, stripe: Stripe, world: World
) -> None:
    grace = visitor(app, world)
    know(stripe, ada, "active", "sub_1")
    know(stripe, grace, "canceled", "sub_2")
    tell(grace, subscription="sub_2")
    assert not world.accounts.get(grace.user_id).is_premium


def test_what_changes_while_a_notice_is_followed_is_followed_too(
    ada: Person, stripe: Stripe, world: World
) -> None:
    know(stripe, ada)
    tell(ada)
    know(stripe, ada, "canceled")
    stripe.meanwhile = lambda: know(stripe, ada, "active", "sub_2")
    tell(ada, "customer.subscription.deleted")
    assert world.accounts.get(ada.user_id).is_premium


def test_who_was_made_premium_by_hand_and_then_pays_is_known_as_a_customer(
    app: Flask, stripe: Stripe, world: World
) -> None:
    grace = visitor(app, world, premium=True)
    know(stripe, grace)
    tell(grace)
    assert world.accounts.get(grace.user_id).customer == "cus_1"
    know(stripe, grace, "canceled")
    tell(grace, "customer.subscription.deleted")
    assert not world.accounts.get(grace.user_id).is_premium


def test_two_clicks_lead_to_one_checkout(
    ada: Person, stripe: Stripe, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = SimpleNamespace(time=lambda: NOON)  # no day begins between them
    monkeypatch.setattr("web.services.stripe.time", noon)
    for _ in range(2):
        ada.post("/subscribe", "/subscribe")
    first, second = (key for key in stripe.keys if key)
    assert first == second
    assert ada.user_id in first


def test_who_pays_already_is_sent_to_no_checkout(ada: Person, stripe: Stripe, world: World) -> None:
    know(stripe, ada)
    tell(ada)
    world.accounts.unsubscribe(ada.user_id)
    assert ada.post("/subscribe", "/subscribe").location == "/subscribe"
    assert world.accounts.get(ada.user_id).is_premium


@pytest.mark.parametrize(
    "body", ["[]", "null", "7", "{}", '{"type": "customer.subscription.deleted"}']
)
def test_a_signed_body_that_is_no_notice_is_refused(ada: Person, stripe: Stripe, body: str) -> None:
    assert send(ada, body).status_code == 400


@pytest.mark.parametrize("signature", ["t=1,v1=\xe9", "\xff", "t=,v1=", "t=x,v1=x", ","])
def test_a_signature_of_any_letters_is_refused_not_a_fault(ada: Person, signature: str) -> None:
    headers = {"Stripe-Signature": signature}
    assert ada.client.post("/payments/notice", data=b"{}", headers=headers).status_code == 400


def test_a_forged_notice_is_refused(ada: Person, stripe: Stripe, world: World) -> None:
    know(stripe, ada)
    assert tell(ada, key="whsec_forged").status_code == 400
    assert tell(ada, at=time.time() - 3600).status_code == 400
    assert ada.client.post("/payments/notice", data=b"{}").status_code == 400
    assert not world.accounts.get(ada.user_id).is_premium
    assert stripe.asked == []


def test_other_notices_and_others_subscriptions_are_of_no_interest(
    ada: Person, stripe: Stripe
) -> None:
    assert tell(ada, "invoice.paid").status_code == 204
    know(stripe, ada)
    stripe.subscriptions["sub_1"]["metadata"] = {}
    assert tell(ada).status_code == 204


def test_a_notice_about_nobody_is_told_as_such(ada: Person, stripe: Stripe) -> None:
    know(stripe, Person("nobody", ada.client))
    assert tell(ada).status_code == 404


def test_unsubscribing_goes_to_the_customer_portal(
    ada: Person, stripe: Stripe, world: World
) -> None:
    world.accounts.subscribe(ada.user_id, "cus_1")
    assert "customer portal" in ada.get("/unsubscribe").text
    reply = ada.post("/unsubscribe", "/unsubscribe")
    assert reply.location == "https://billing.stripe.com/p/1"
    assert stripe.asked == [
        (
            "/v1/billing_portal/sessions",
            {"customer": "cus_1", "return_url": f"{world.config.gas.base_url}/profile"},
        )
    ]
    assert world.accounts.get(ada.user_id).is_premium


def test_who_was_made_premium_by_hand_is_made_free_here(app: Flask, world: World) -> None:
    grace = visitor(app, world, premium=True)
    assert grace.post("/unsubscribe", "/unsubscribe").location == "/subscribe"
    assert not world.accounts.get(grace.user_id).is_premium


def test_a_till_that_does_not_answer_is_a_clear_503(
    ada: Person, stripe: Stripe, world: World
) -> None:
    stripe.stop()
    reply = ada.post("/subscribe", "/subscribe")
    assert (reply.status_code, "Nothing was charged" in reply.text) == (503, True)
    assert tell(ada).status_code == 503
    assert not world.accounts.get(ada.user_id).is_premium


def test_the_policy_lets_forms_end_at_the_till(ada: Person) -> None:
    policy = ada.get("/subscribe").headers["Content-Security-Policy"]
    assert "https://checkout.stripe.com https://billing.stripe.com" in policy


def test_stripe_is_imported_only_when_chosen() -> None:
    code = "import sys, web.app; sys.exit('stripe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
