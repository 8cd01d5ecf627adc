"""The security log: sign-ins, sign-outs, refusals, changes of role, as one JSON object a line.

docs/security.md lists the events. JSON escapes control characters, so no value ends a line.
"""

import json
import logging

from flask import g, has_request_context, request, session

log = logging.getLogger(__name__)
VALUE_CHARACTERS = 200


def record(event: str, **facts: object) -> None:
    """Log one event: who, from where, for which path; never the query, which may hold secrets."""
    known = {"event": event, **_request_facts(), **facts}
    log.info("security %s", json.dumps({k: _bounded(v) for k, v in known.items()}))


def _request_facts() -> dict[str, object]:
    if not has_request_context():
        return {}
    user = getattr(g.get("account"), "user_id", None) or session.get("sub", "")
    where = {"method": request.method, "path": _path()}
    return {"user": user, "address": request.remote_addr or "", **where}


def _path() -> str:
    """The path, without a token that lets whoever has it in."""
    token = (request.view_args or {}).get("token")
    return request.path.replace(token, "…") if token else request.path


def _bounded(value: object) -> object:
    return value[:VALUE_CHARACTERS] if isinstance(value, str) else value
