"""A metadata service like EC2's, version 2 only; needs nothing but Python, so it runs anywhere."""

import argparse
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN = "a-session-token"
POLL_S = 0.02


class FakeImds(ThreadingHTTPServer):
    """Serves `metadata` (path below meta-data/ to text); a path that ends in `/` lists names."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], metadata: dict[str, str]) -> None:
        self.metadata, self.token = metadata, TOKEN
        super().__init__(address, ImdsHandler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> "FakeImds":
        threading.Thread(target=self.serve_forever, args=(POLL_S,), daemon=True).start()
        return self


class ImdsHandler(BaseHTTPRequestHandler):
    server: FakeImds

    def do_PUT(self) -> None:  # noqa: N802 the name is http.server's
        wanted = self.path == "/latest/api/token"
        lives = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        self._reply(200 if wanted and lives else 400, self.server.token)

    def do_GET(self) -> None:  # noqa: N802 the name is http.server's
        if self.headers.get("X-aws-ec2-metadata-token") != self.server.token:
            self._reply(401, "")
            return
        text = self.server.metadata.get(self.path.removeprefix("/latest/meta-data/"))
        self._reply(404 if text is None else 200, text or "")

    def _reply(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        """Quiet."""


def main() -> None:
    """Serve the JSON object in FILE on HOST:80 until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--host", default="169.254.169.254")
    args = parser.parse_args()
    FakeImds((args.host, 80), json.loads(args.file.read_text())).serve_forever()


if __name__ == "__main__":
    main()
