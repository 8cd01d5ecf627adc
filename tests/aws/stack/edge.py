"""The edge before the local AWS: records every call, answers calls that moto lacks."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import requests

ANSWERS = {
    "CompleteLifecycleAction": "",
    "SimulatePrincipalPolicy": "<EvaluationResults></EvaluationResults>",
    "StartInstanceRefresh": "<InstanceRefreshId>refresh-1</InstanceRefreshId>",
    "DescribeInstanceRefreshes": "<InstanceRefreshes><member><InstanceRefreshId>refresh-1"
    "</InstanceRefreshId><Status>Successful</Status></member></InstanceRefreshes>",
}
TARGETS = {
    "ServiceQuotasV20190624.GetServiceQuota": '{"Quota": {"Value": 32}}',
    "CertificateManager.DescribeCertificate": '{"Certificate": {"Status": "ISSUED", '
    '"DomainName": "gas.example.org"}}',
}
PAGES = {"/v2/email/account": '{"ProductionAccessEnabled": true}'}
Form = dict[str, str]
Answer = str | Callable[[Form], str]
REFUSAL = "<ErrorResponse><Error><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>"
POLL_S = 0.02
DROPPED = {"transfer-encoding", "connection", "content-encoding", "content-length"}
NAMESPACE = "http://autoscaling.amazonaws.com/doc/2011-01-01/"


class RefusedError(Exception):
    """An answer's way to refuse a call: an error code and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Edge(ThreadingHTTPServer):
    """Forwards to the URL `behind`, except for the actions in ANSWERS; `calls` has every action.

    Actions in `refused` are answered with a ValidationError; `answers` has the texts of others, or
    what makes them from the call; `pages` has the JSON of GETs by path, `targets` that of calls by
    their X-Amz-Target, `posts` the status of POSTs by path.
    """

    daemon_threads = True

    def __init__(self, behind: str, port: int = 0) -> None:
        self.behind, self.calls = behind, list[dict[str, str]]()
        self.refused: set[str] = set()
        self.answers: dict[str, Answer] = dict(ANSWERS)
        self.pages = dict(PAGES)
        self.targets: dict[str, str | Callable[[], str]] = dict(TARGETS)
        self.posts = {"/v2/oauth2/token": 200}
        super().__init__(("localhost", port), EdgeHandler)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_port}"

    def start(self) -> "Edge":
        threading.Thread(target=self.serve_forever, args=(POLL_S,), daemon=True).start()
        return self

    def called(self, action: str) -> list[dict[str, str]]:
        return [call for call in self.calls if call.get("Action") == action]


class EdgeHandler(BaseHTTPRequestHandler):
    server: Edge

    def do_POST(self) -> None:  # noqa: N802 the name is http.server's
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        form = dict(parse_qsl(body.decode("latin-1"))) if b"Action=" in body else {}
        if form:
            self.server.calls.append(form)
        name = form.get("Action", "")
        if known := self.server.targets.get(self.headers.get("X-Amz-Target", "")):
            text = known if isinstance(known, str) else known()
            self._reply(200, {"Content-Type": "application/x-amz-json-1.1"}, text.encode())
        elif status := self.server.posts.get(self.path):
            self._reply(status, {}, b"")
        elif name in self.server.refused:
            self._refuse(RefusedError("ValidationError", ""))
        elif name in self.server.answers:
            self._answer(name, self.server.answers[name], form)
        else:
            self._forward(body)

    def _refuse(self, refused: RefusedError) -> None:
        body = REFUSAL.format(refused.code, escape(str(refused)))
        self._reply(400, {"Content-Type": "text/xml"}, body.encode())

    def _answer(self, name: str, answer: Answer, form: Form) -> None:
        try:
            inner = answer if isinstance(answer, str) else answer(form)
        except RefusedError as refused:
            self._refuse(refused)
            return
        xml = (
            f'<{name}Response xmlns="{NAMESPACE}"><{name}Result>{inner}</{name}Result>'
            f"<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{name}Response>"
        )
        self._reply(200, {"Content-Type": "text/xml"}, xml.encode())

    def do_GET(self) -> None:  # noqa: N802 the name is http.server's
        if page := self.server.pages.get(self.path):
            self._reply(200, {"Content-Type": "application/json"}, page.encode())
            return
        self._forward(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    do_PUT = do_HEAD = do_DELETE = do_GET  # noqa: N815 the names are http.server's

    def _forward(self, body: bytes) -> None:
        reply = requests.request(
            self.command,
            self.server.behind + self.path,
            headers=dict(self.headers),
            data=body,
            timeout=60,
            allow_redirects=False,
        )
        headers = {k: v for k, v in reply.headers.items() if k.lower() not in DROPPED}
        length = reply.headers.get("Content-Length") if self.command == "HEAD" else None
        self._reply(reply.status_code, headers, reply.content, length)

    def _reply(
        self, status: int, headers: dict[str, str], body: bytes, length: str | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Quiet."""
