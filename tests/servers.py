"""A web server on this machine whose answers a test chooses; the fixture ``server`` starts one."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers by the function that the test put under the path; every request is remembered."""

    answers: dict[str, Answer]
    asked: list[tuple[str, str | None, str | None]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Range"], self.headers["If-Range"]))
        self.answers[self.path](self)

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server:
    def __init__(self, base: str, handler: type[Handler]) -> None:
        self.base, self.answers, self.asked = base, handler.answers, handler.asked

    def serve(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return self.base + path

    @property
    def ranges(self) -> list[str | None]:
        return [asked for _, asked, _ in self.asked]


@contextmanager
def running() -> Iterator[Server]:
    handler = type("Local", (Handler,), {"answers": {}, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Server(f"http://127.0.0.1:{http.server_port}", handler)
        http.shutdown()
        thread.join()


def whole(content: bytes, tag: str = '"v1"', *, drop_after: int | None = None, ranges: bool = True) -> Answer:
    """A server that knows ranges and If-Range, and may cut every answer off after some bytes."""

    def answer(handler: Handler) -> None:
        first = re.fullmatch(r"bytes=(\d+)-", handler.headers["Range"] or "")
        same = handler.headers["If-Range"] in (None, tag)
        offset = int(first[1]) if first and ranges and same else 0
        if offset >= len(content):
            return handler.reply(416)
        body = content[offset:]
        handler.send_response(206 if offset else 200)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("ETag", tag)
        if offset:
            handler.send_header("Content-Range", f"bytes {offset}-{len(content) - 1}/{len(content)}")
        handler.end_headers()
        handler.wfile.write(body[:drop_after])
        return None

    return answer


def status(code: int) -> Answer:
    return lambda handler: handler.reply(code, b"no")
