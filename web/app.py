"""The Flask application, made anew by each process and each test."""

from datetime import timedelta

from flask import Flask, request
from flask_bootstrap import Bootstrap5
from werkzeug.middleware.proxy_fix import ProxyFix

from aws.config import Config
from aws.resources import World
from aws.secrets import Secrets
from web import assets, context, errors, security, session, sharing
from web.display import formatting
from web.display.availability import availability
from web.display.sequence_ontology import ontology
from web.routes import (
    annotate,
    annotations,
    auth,
    genome,
    home,
    manage,
    own_annotation,
    pages,
    parts,
    payment_webhook,
    profile,
    sample,
    shares,
    subscribe,
    variants,
)

BLUEPRINTS = (
    assets.bp,
    home.bp,
    pages.bp,
    parts.bp,
    auth.bp,
    profile.bp,
    annotate.bp,
    own_annotation.bp,
    manage.bp,
    sample.bp,
    shares.bp,
    annotations.bp,
    variants.bp,
    genome.bp,
    subscribe.bp,
    payment_webhook.bp,
)
MAX_BODY_BYTES = 1_000_000
"""Files go to S3; the site itself gets small forms and Stripe's notices only."""


def create_app(world: World, secrets: Secrets) -> Flask:
    """The site; raises ConfigError where a setting or a secret is missing or unsafe."""
    app = Flask(__name__, static_folder=None)
    app.config.update(settings(world.config, secrets))
    app.extensions[context.KEY] = context.build(world, secrets)
    Bootstrap5(app)
    security.protect(app, app.extensions[context.KEY])
    errors.handle(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    _extend_templates(app)
    if hops := world.config.web.proxies:
        # X-Forwarded-Host is the client's own: a load balancer of AWS does not set it.
        proxied = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)
        app.wsgi_app = proxied  # type: ignore[method-assign]  # as Flask's manual has it
    return app


def settings(own: Config, secrets: Secrets) -> dict[str, object]:
    """Flask's settings; the session's cookie is among them."""
    is_https = own.gas.base_url.startswith("https:")
    return {
        "SECRET_KEY": secrets.flask_key,
        "SECRET_KEY_FALLBACKS": list(secrets.flask_old_keys),
        "SESSION_COOKIE_NAME": "__Host-gas" if is_https else "gas",
        "SESSION_COOKIE_SECURE": is_https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_REFRESH_EACH_REQUEST": False,
        "PERMANENT_SESSION_LIFETIME": timedelta(seconds=own.web.session_s),
        "WTF_CSRF_TIME_LIMIT": None,
        "MAX_CONTENT_LENGTH": MAX_BODY_BYTES,
        "BOOTSTRAP_SERVE_LOCAL": True,
    }


def _extend_templates(app: Flask) -> None:
    """Add words for numbers and times, and addresses of assets that change with their contents."""
    filters = (
        formatting.number_words,
        formatting.size_words,
        formatting.span_words,
        formatting.moment_words,
        formatting.iso,
    )
    for function in filters:
        app.add_template_filter(function)
    app.add_template_filter(lambda t: formatting.ago_words(t, context.world().clock()), "ago_words")
    app.add_template_global(availability)
    app.add_template_global(ontology)
    app.add_template_global(sharing.is_own)
    app.add_template_global(lambda: context.world().clock(), "now")
    app.add_template_global(assets.asset_url, "asset")
    app.add_template_global(context.site, "site")
    app.context_processor(
        lambda: {"current_user": session.current_user(), "endpoint": request.endpoint}
    )
