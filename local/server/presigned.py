"""Lets a request to S3 through only if it is signed: in a header, in its URL or in its form."""

from collections.abc import Iterable

from local.server.mailbox import PAGES
from local.server.post_object import answer_form
from local.server.s3_errors import S3Error, denied
from local.server.signature import check_url
from local.server.wsgi import App, Environ, StartResponse, is_form_post, path_of, s3_error


class Presigned:
    """Middleware: enforces presigned URLs and forms, which moto takes unchecked.

    Requests that are signed in a header come from boto3 and go on unchecked.
    """

    def __init__(self, app: App, secret: str) -> None:
        self.app, self.secret = app, secret

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING", "")
        try:
            if "X-Amz-Signature=" in query:
                check_url(self.secret, environ)
            elif "HTTP_AUTHORIZATION" not in environ and path_of(environ) not in PAGES:
                return self._unsigned(environ, start_response)
        except S3Error as error:
            return s3_error(start_response, error.status, error.code, error.words)
        return self.app(environ, start_response)

    def _unsigned(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if is_form_post(environ):
            return answer_form(self.app, self.secret, environ, start_response)
        if "AWSAccessKeyId=" in environ.get("QUERY_STRING", ""):
            words = "Please use AWS4-HMAC-SHA256."
            raise S3Error(400, "InvalidRequest", words)
        raise denied()
