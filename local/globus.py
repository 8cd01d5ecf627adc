"""A stand-in for Globus Auth: the endpoints that a login uses, answering as Globus does.

https://docs.globus.org/api/auth/reference/
"""

import argparse
import logging
import threading
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, abort, jsonify, redirect, render_template_string, request
from werkzeug.serving import make_server

from aws.config import LOOPBACK
from aws.machine.stop_request import StopRequest
from local.addresses import LOCALHOST, url_of
from local.people import PEOPLE, find
from local.server.own_host import OwnHost
from local.tokens import ALGORITHM, CLIENT_ID, CLIENT_SECRET, TOKEN_S, Provider

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Local Globus</title>
<link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{font:17px/1.5 system-ui,sans-serif;background:#f3f5f8;color:#1c2733;margin:0}
main{max-width:26rem;margin:3rem auto;padding:0 1rem}
button{display:block;width:100%;text-align:left;font:inherit;padding:.8rem 1rem;margin:.6rem 0;
background:#fff;color:inherit;border:1px solid #aab4c0;border-radius:.5rem;cursor:pointer}
button:hover,button:focus-visible{border-color:#1f5fa8;outline:3px solid #bcd5f2}
small{display:block;color:#4a5766}
</style></head><body><main><h1>Log in as</h1>
<p>This stands in for Globus on this machine. Nobody's password is needed.</p>
<form method="post" action="">
{% for person in people %}<button name="identity" value="{{ person.key }}">{{ person.name }}
<small>{{ person.email }}{% if person.institution %}, {{ person.institution }}{% endif %}</small>
{% if person.role %}<small>{{ person.role }}</small>{% endif %}
</button>{% endfor %}</form></main></body></html>"""


class Endpoints:
    """The views, over one provider of codes and tokens; sites are at `host` or on loopback."""

    def __init__(self, provider: Provider, host: str) -> None:
        self.provider, self.hosts = provider, LOOPBACK | {host}

    def configuration(self) -> dict[str, Any]:
        """https://openid.net/specs/openid-connect-discovery-1_0.html"""
        issuer = self.provider.issuer
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/v2/oauth2/authorize",
            "token_endpoint": f"{issuer}/v2/oauth2/token",
            "userinfo_endpoint": f"{issuer}/v2/oauth2/userinfo",
            "introspection_endpoint": f"{issuer}/v2/oauth2/token/introspect",
            "revocation_endpoint": f"{issuer}/v2/oauth2/token/revoke",
            "jwks_uri": f"{issuer}/jwk.json",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "email", "profile"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "subject_types_supported": ["public"],
        }

    def jwks(self) -> dict[str, Any]:
        return self.provider.jwks()

    def choose(self) -> str:
        """The page that stands for the login at one's own institution."""
        self._demand_sound()
        return render_template_string(PAGE, people=PEOPLE.values())

    def authorize(self) -> Any:
        """The person chosen goes back to the site with a code."""
        self._demand_sound()
        args = request.args
        try:
            person = find(request.form.get("identity", ""))
        except KeyError:
            abort(400, "no such person")
        query = {"code": self.provider.grant(person, args), "state": args.get("state", "")}
        joint = "&" if "?" in args["redirect_uri"] else "?"
        return redirect(f"{args['redirect_uri']}{joint}{urlencode(query)}")

    def token(self) -> Any:
        """Exchange a code; the reply is in Globus's dialect of OAuth."""
        _demand_client()
        form = request.form
        if form.get("grant_type") != "authorization_code":
            return _refused("unsupported_grant_type")
        redirect_uri, verifier = form.get("redirect_uri", ""), form.get("code_verifier", "")
        grant = self.provider.redeem(form.get("code", ""), redirect_uri, verifier)
        if grant is None:
            return _refused("invalid_grant")
        return jsonify(
            access_token=self.provider.access_token(grant.person),
            expires_in=TOKEN_S,
            id_token=self.provider.id_token(grant),
            other_tokens=[],
            resource_server="auth.globus.org",
            scope=grant.scope,
            state=None,
            token_type="Bearer",  # noqa: S106
        )

    def userinfo(self) -> Any:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        person = self.provider.holder(bearer)
        return person.claims() if person else _refused("invalid_token", 401)

    def introspect(self) -> dict[str, Any]:
        _demand_client()
        person = self.provider.holder(request.form.get("token", ""))
        if person is None:
            return {"active": False}
        return {"active": True, "username": person.email, **person.claims()}

    def revoke(self) -> dict[str, Any]:
        _demand_client()
        self.provider.tokens.pop(request.form.get("token", ""), None)
        return {"active": False}

    def logout(self) -> Any:
        back = request.args.get("redirect_uri", "")
        return redirect(back) if self._is_ours(back) else "You are logged out."

    def _demand_sound(self) -> None:
        """Answer 400 to an authorization request that Globus would not take."""
        args = request.args
        if args.get("client_id") != CLIENT_ID or not self._is_ours(args.get("redirect_uri", "")):
            abort(400, "unknown client or redirect URI")
        if args.get("response_type") != "code":
            abort(400, "response_type must be code")
        if args.get("code_challenge") and args.get("code_challenge_method") != "S256":
            abort(400, "code_challenge_method must be S256")

    def _is_ours(self, url: str) -> bool:
        return urlsplit(url).hostname in self.hosts


def create_app(provider: Provider, host: str = LOCALHOST) -> Flask:
    """The stand-in's WSGI app."""
    app, views = Flask(__name__), Endpoints(provider, host)
    for method, path, view in (
        ("GET", "/.well-known/openid-configuration", views.configuration),
        ("GET", "/jwk.json", views.jwks),
        ("GET", "/v2/oauth2/authorize", views.choose),
        ("POST", "/v2/oauth2/authorize", views.authorize),
        ("POST", "/v2/oauth2/token", views.token),
        ("GET", "/v2/oauth2/userinfo", views.userinfo),
        ("POST", "/v2/oauth2/token/introspect", views.introspect),
        ("POST", "/v2/oauth2/token/revoke", views.revoke),
        ("GET", "/v2/web/logout", views.logout),
    ):
        app.add_url_rule(path, view.__name__, view, methods=[method])
    return app


def _demand_client() -> None:
    client = request.authorization
    if not client or (client.username, client.password) != (CLIENT_ID, CLIENT_SECRET):
        abort(_refused("invalid_client", 401))


def _refused(error: str, status: int = 400) -> Response:
    """An error in Globus's form (OAuth's and, beside it, its own)."""
    response = jsonify(error=error, errors=[{"code": error.upper(), "status": str(status)}])
    response.status_code = status
    return response


class LocalGlobus:
    """The stand-in on a port of `host` (0: any that is free)."""

    def __init__(self, port: int, host: str = LOCALHOST) -> None:
        self.server = make_server(host, port, lambda *_: [], threaded=True)
        self.url = url_of(host, self.server.server_port)
        self.provider = Provider(self.url)
        self.server.app = OwnHost(create_app(self.provider, host), host)

    def start(self) -> None:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    stopping = StopRequest().on_signals()
    parser = argparse.ArgumentParser(
        prog="python -m local.globus",
        description=str(__doc__).splitlines()[0],
        epilog="example: python -m local.globus --port 5002",
    )
    parser.add_argument("--port", type=int, default=5002)
    parser.add_argument("--host", default=LOCALHOST, help="the address to listen on")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    globus = LocalGlobus(args.port, args.host)
    globus.start()
    logging.getLogger(__name__).info("local Globus at %s", globus.url)
    stopping.wait()
    globus.stop()


if __name__ == "__main__":
    main()
