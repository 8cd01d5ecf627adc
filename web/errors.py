"""Errors in words, with the next thing to do: a page for people, JSON for scripts."""

from flask import Flask, jsonify, make_response, render_template
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, ServiceUnavailable, TooManyRequests
from werkzeug.wrappers import Response

from web import audit
from web.security import wants_json
from web.session import known_user

WORDS = {
    400: ("That did not work", "The request was not one that GAS understands."),
    401: ("Please sign in", "You are signed out. Please sign in again."),
    403: ("Not allowed", "You may not do that."),
    404: ("Not found", "There is nothing at this address, or it is not yours."),
    405: ("Not possible", "This address does not take that kind of request."),
    409: ("Not just now", "That is not possible in the state that the job is in."),
    410: ("No longer kept", "What you ask for was deleted after its time."),
    413: (
        "Too large",
        "This is more than the 1 MB that a form may have. Please upload a VCF with the variants.",
    ),
    421: ("Not the right address", "This site has another name. Please check the address."),
    429: ("Too many at once", "You have sent more requests than one person may at a time."),
    500: (
        "Something broke on our side",
        "It has been noted. Your jobs and results are safe; please try again in a minute.",
    ),
    503: (
        "Not available just now",
        "A service that GAS needs does not answer. Please try again in a minute.",
    ),
}
STALE_FORM = (
    "This form is no longer valid: you may have signed out or in again since it was shown. "
    "Go back, reload the page, and send it again."
)


def handle(app: Flask) -> None:
    """Show every error of the app in these words."""
    app.register_error_handler(HTTPException, show)


def show(error: HTTPException) -> Response:
    """`abort(code, words)` gives its own words; otherwise the code's."""
    code = error.code or 500
    if code < 400 or (error.response and code not in WORDS):
        return error.get_response()
    title, usual = WORDS.get(code, WORDS[400 if code < 500 else 500])
    words = _own_words(error) or usual
    if isinstance(error, CSRFError):
        audit.record("csrf_refused", reason=error.description)
    reply = make_response(jsonify(error=words) if wants_json() else _page(code, title, words), code)
    if isinstance(error, TooManyRequests | ServiceUnavailable) and error.retry_after:
        reply.headers["Retry-After"] = str(error.retry_after)
    return reply


def _page(code: int, title: str, words: str) -> str:
    """The page of an error; that of a fault of ours looks nothing up."""
    if code >= 500:
        known_user()
    return render_template("error.html", code=code, title=title, words=words)


def _own_words(error: HTTPException) -> str | None:
    if isinstance(error, CSRFError):
        return STALE_FORM
    is_own = error.description != type(error).description
    return error.description if is_own and error.code != 500 else None
