"""A registry that passes questions on to the real one, and is away for one schema id."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from streams.app.settings import Settings


@contextmanager
def registry_without(settings: Settings, schema_id: int) -> Iterator[Settings]:
    """Yield settings whose registry answers 503 to questions about `schema_id`."""
    behind = f"http://{settings.host}:{settings.ports.registry}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0].endswith(f"/schemas/ids/{schema_id}"):
                self._answer(503, b'{"error_code": 50301, "message": "not now"}')
            else:
                self._pass_on(None)

        def do_POST(self) -> None:
            self._pass_on(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _pass_on(self, body: bytes | None) -> None:
            kind = {"Content-Type": self.headers.get("Content-Type") or "application/json"}
            asked = urllib.request.Request(behind + self.path, body, kind)  # noqa: S310 - loopback
            try:
                with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
                    self._answer(answer.status, answer.read())
            except urllib.error.HTTPError as error:
                with error:
                    self._answer(error.code, error.read())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer((settings.host, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        ports = settings.ports.model_copy(update={"registry": server.server_port})
        yield settings.model_copy(update={"ports": ports})
    finally:
        server.shutdown()
        server.server_close()
