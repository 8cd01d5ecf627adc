"""Lets only this world's own names in: no page from elsewhere reaches the stand-ins by a browser.

A name of somebody else's that points to loopback (DNS rebinding) comes with its own Host; a
script or form of a page elsewhere comes with that page's Origin.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from aws.config import LOOPBACK
from local.server.wsgi import App, Environ, StartResponse, answer, path_of

CONTROLS = ("/_gas/", "/mail")
"""Paths that are not AWS's."""
MOTO = "/moto-api"
"""moto's own console, which nobody here uses."""


class OwnHost:
    """Middleware: 403 unless the request's Host is `host` or loopback, and its Origin too.

    With `open_to_origins`, S3 decides itself about origins, by a bucket's CORS rules.
    """

    def __init__(self, app: App, host: str, *, open_to_origins: bool = False) -> None:
        self.app, self.names, self.open_to_origins = app, LOOPBACK | {host}, open_to_origins

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = path_of(environ)
        if path.startswith(MOTO) or not self._is_own(f"//{environ.get('HTTP_HOST', '')}"):
            return answer(start_response, 403, b"not by this name\n", "text/plain")
        decides = self.open_to_origins and not path.startswith(CONTROLS)
        origin = environ.get("HTTP_ORIGIN")
        if origin and not decides and not self._is_own(origin):
            return answer(start_response, 403, b"not from this page\n", "text/plain")
        return self.app(environ, start_response)

    def _is_own(self, url: str) -> bool:
        """True for this world's names, and for a bucket's as a part of localhost."""
        try:
            name = urlsplit(url).hostname or ""
        except ValueError:
            return False
        return name in self.names or name.endswith(".localhost")
