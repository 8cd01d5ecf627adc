"""The rules for every request: a login unless listed as public, CSRF tokens, safe headers."""

import re
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, redirect, request, url_for
from flask_wtf.csrf import CSRFProtect
from werkzeug.wrappers import Response as AnyResponse

from aws.config import LOOPBACK, Config
from aws.rows.job import Job, Status
from web import audit
from web.context import Site, site, world
from web.rate_limits import demand_few_calls
from web.session import current_user
from web.sharing import READABLE, is_own, may_have_share, may_read

PUBLIC = frozenset(
    {
        "assets.send",
        "home.index",
        "home.healthz",
        "pages.help_page",
        "pages.about",
        "pages.privacy",
        "pages.contact",
        "shares.opened",
        "sample.index",
        "auth.login",
        "auth.callback",
        "payments.webhook",
    }
)
"""The endpoints that ask for no login; the webhook asks for Stripe's signature instead."""
IGV_STYLES = (
    "'sha256-ITHmamcImsZ/Je1xrdtDLZVvRSpj1Zokb6uHXORB824='",
    "'sha256-NTwDUA6nIvRRpI2lIBtHJqkV0TlTj4HVmI6vI81fIfM='",
)
"""The two style sheets that igv.js puts into a page as it is loaded: these texts and no others."""
JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
YEAR_S = 365 * 24 * 3600
csrf = CSRFProtect()


def protect(app: Flask, site: Site) -> None:
    """Put every request of the app under the rules of this module."""
    app.config["CONTENT_SECURITY_POLICY"] = policy(site)
    for rule in (demand_own_host, demand_few_calls, demand_login):
        app.before_request(rule)
    csrf.init_app(app)
    app.after_request(add_headers)


def demand_own_host() -> None:
    """421 for another site's name; health checks of a load balancer come to an address."""
    if request.endpoint != "home.healthz" and not _is_own_host(request.host, site().config):
        audit.record("wrong_host", host=request.host)
        abort(421)


def _is_own_host(host: str, config: Config) -> bool:
    """On one machine, any name of the machine will do."""
    base = hostname(config.gas.base_url)
    names = here(config) if base in here(config) else {base}
    return hostname(f"//{host}") in names


def here(config: Config) -> set[str]:
    """The names of this machine: what is served there may go without https."""
    return {*LOOPBACK, config.local.host}


def hostname(url: str) -> str:
    """The host of an address, in lower case; empty where there is none to be made out."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def demand_login() -> AnyResponse | None:
    """Send those who are not signed in to the login, and scripts away with 401."""
    if request.endpoint in PUBLIC or request.endpoint is None or current_user():
        return None
    if request.endpoint in READABLE and may_have_share((request.view_args or {})["job_id"]):
        return None
    if wants_json():
        abort(401)
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.login", next=back))


def wants_json() -> bool:
    return request.accept_mimetypes.best == "application/json"


def own_job_or_404(job_id: str) -> Job:
    """Fetch a job and authorise its user in one: somebody else's job does not exist.

    An endpoint that only shows it opens it to those as well with whom its owner shares it.
    """
    if not JOB_ID.fullmatch(job_id):
        abort(404)
    try:
        job = world().jobs.get(job_id)
    except KeyError:
        abort(404)
    if job.job_status is Status.DELETED:
        abort(404)
    if not (is_own(job) or (request.endpoint in READABLE and may_read(job))):
        audit.record("refused", job=job_id)
        abort(404)
    return job


def local_path(path: str) -> str | None:
    """`path` if it is a path of this site, for a redirect after the login."""
    plain = path.isprintable() and "\\" not in path and not path.startswith("//")
    return path if plain and path.startswith("/") else None


def add_headers(response: Response) -> Response:
    """Nothing inline, nothing from elsewhere, no framing, nothing kept by caches but assets."""
    headers = response.headers
    headers["Content-Security-Policy"] = current_app.config["CONTENT_SECURITY_POLICY"]
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    headers.setdefault("Cache-Control", "no-store")
    if world().config.gas.base_url.startswith("https:"):
        headers["Strict-Transport-Security"] = f"max-age={YEAR_S}; includeSubDomains"
    return response


def policy(site: Site) -> str:
    """The Content-Security-Policy: uploads go to S3, a form may end at Globus or the provider."""
    styles = " ".join(["'self'", *IGV_STYLES])
    uploads = origin(site.world.files.upload_form("-", "-", 1, 1).url)
    ends = " ".join(["'self'", uploads, site.globus.origin, *site.payments.origins])
    return (
        f"default-src 'none'; script-src 'self'; style-src {styles}; font-src 'self'; "
        f"img-src 'self' data:; connect-src 'self' {uploads}; form-action {ends}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
