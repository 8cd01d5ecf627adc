"""The site as a browser meets it: health, headers, the login, a session, the upload."""

import tempfile
import uuid
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from local.visitor import S3_SAYS, HtmlForm, HtmlPage, RefusedUpload
from smoke.checks import CheckFailed
from smoke.target import SmokeRun
from util.load_common import EXAMPLE
from web.app import settings
from web.security import origin

MAILBOX = "success@simulator.amazonses.com"
"""SES delivers there from within its sandbox too, and nobody reads it.

https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
"""
NAME = "GAS smoke test"
TIMEOUT_S = 30


def redirected_to_tls(run: SmokeRun) -> str:
    """Port 80 sends the browser on to the same address by TLS."""
    plain = run.target.url.replace("https://", "http://", 1)
    reply = requests.get(f"{plain}/", allow_redirects=False, timeout=TIMEOUT_S)
    to = reply.headers.get("Location", "")
    if reply.status_code != 301 or not to.startswith("https://"):
        raise CheckFailed(f"{plain}/ answers {reply.status_code} {to}, not 301 to https")
    return f"301 to {to}"


def healthy(run: SmokeRun) -> str:
    """The health check answers, under the domain and its certificate."""
    reply = requests.get(f"{run.target.url}/healthz", timeout=TIMEOUT_S)
    if (reply.status_code, reply.text.strip()) != (200, "ok"):
        raise CheckFailed(
            f"{run.target.url}/healthz answers {reply.status_code}: is the domain's record the "
            "load balancer's, and are its targets healthy?"
        )
    return f"200 in {reply.elapsed.total_seconds():.2f} s"


def leads_to_globus(run: SmokeRun) -> str:
    """The login sends people to Globus, which knows the client and its redirect URL."""
    issuer, back = run.target.config.globus.issuer, f"{run.target.config.gas.base_url}/authcallback"
    reply = requests.get(f"{run.target.url}/login", allow_redirects=False, timeout=TIMEOUT_S)
    to = reply.headers.get("Location", "")
    if not to.startswith(issuer):
        raise CheckFailed(f"/login answers {reply.status_code} and leads to {to or 'nowhere'}")
    if parse_qs(urlsplit(to).query).get("redirect_uri") != [back]:
        raise CheckFailed(f"Globus would send people back elsewhere than to {back}: {to}")
    answer = requests.get(to, timeout=TIMEOUT_S)
    if not answer.ok:
        raise CheckFailed(
            f"Globus answers {answer.status_code}: is the client registered, with {back} as its "
            "redirect URL? (docs/operating.md, First deployment)"
        )
    return f"{issuer} knows the client"


def signed_in(run: SmokeRun) -> str:
    """A session signed with the secret's key, for an account of this run, is a session there."""
    app = Flask("web")
    app.config.update(settings(run.target.config, run.secrets()))
    run.world.accounts.sign_in(run.user_id, NAME, MAILBOX, NAME)
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    if serializer is None:
        raise CheckFailed("the site's secret has no session key")
    run.world.accounts.begin_session(run.user_id, session_id := uuid.uuid4().hex, NAME)
    facts = {"_permanent": True, "sub": run.user_id, "id": session_id}
    host = str(urlsplit(run.target.url).hostname)
    run.visitor.session.cookies.set(
        app.config["SESSION_COOKIE_NAME"],
        str(serializer.dumps(facts)),
        domain=host if "." in host else f"{host}.local",  # as http.cookiejar knows such a host
        secure=app.config["SESSION_COOKIE_SECURE"],
    )
    reply = run.visitor.get("/annotate", allow_redirects=False)
    if reply.is_redirect:
        raise CheckFailed(
            "the site takes no session signed with the key that its secret has now: its instances "
            "started with another one. Replace them (an instance refresh of the web group)"
        )
    if not reply.ok:
        raise CheckFailed(f"the upload page answers {reply.status_code}")
    return f"account {run.user_id}"


def upload_form(run: SmokeRun) -> HtmlForm:
    """The form for S3 on the upload page. Raises CheckFailed where the page has none."""
    page: HtmlPage = run.visitor.page("/annotate")
    for form in page.forms:
        if "policy" in {name.lower() for name in form.fields}:
            return form
    raise CheckFailed("the upload page has no form for S3")


def policy_fits(run: SmokeRun) -> str:
    """The Content-Security-Policy lets the form reach its bucket, and no other one."""
    uploads = origin(upload_form(run).action)
    header = run.visitor.get("/annotate").headers.get("Content-Security-Policy", "")
    rules = {words[0]: words[1:] for part in header.split(";") if (words := part.split())}
    for rule in ("form-action", "connect-src"):
        if uploads not in rules.get(rule, ()):
            raise CheckFailed(
                f"{rule} of the Content-Security-Policy lacks {uploads}: browsers refuse to upload"
            )
    wide = [source for sources in rules.values() for source in sources if "*" in source]
    if wide or rules.get("default-src") != ["'none'"]:
        raise CheckFailed(f"the Content-Security-Policy lets others in: {header}")
    return uploads


def cross_origin_allowed(run: SmokeRun) -> str:
    """The bucket of uploads lets the site's script post to it (CORS)."""
    ours, form = run.target.config.gas.base_url, upload_form(run)
    reply = requests.options(
        form.action,
        headers={"Origin": ours, "Access-Control-Request-Method": "POST"},
        timeout=TIMEOUT_S,
    )
    allowed = reply.headers.get("Access-Control-Allow-Origin")
    if not reply.ok or allowed not in (ours, "*"):
        raise CheckFailed(
            f"the bucket of uploads answers {reply.status_code} to a preflight from {ours} and "
            f"allows {allowed}: the upload page cannot show progress"
        )
    return f"POST from {allowed}"


def uploaded(run: SmokeRun) -> str:
    """The example goes to S3 by the page's form, and S3's redirect makes a job of it."""
    try:
        run.job_id = run.visitor.upload(EXAMPLE)
    except RefusedUpload as refusal:
        raise CheckFailed(f"the example was refused: {refusal}") from None
    return f"job {run.job_id}"


def too_large_refused(run: SmokeRun) -> str:
    """S3 itself refuses a byte more than a free user may upload."""
    limit = run.target.config.tiers.free_max_bytes
    with tempfile.NamedTemporaryFile(suffix=".vcf") as file:
        file.write(b"#" * (limit + 1))
        file.flush()
        try:
            job_id = run.visitor.upload(Path(file.name))
        except RefusedUpload as refusal:
            if str(refusal) == S3_SAYS["EntityTooLarge"]:
                return f"{limit + 1:,} bytes refused by S3"
            raise CheckFailed(f"{limit + 1:,} bytes were not refused by S3: {refusal}") from None
    raise CheckFailed(f"{limit + 1:,} bytes of a free user became job {job_id}")
