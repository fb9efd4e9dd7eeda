"""A publisher on this machine: a record's JSON and its files over HTTP, with every way of failing that is asked for."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Asked", "Publisher", "publisher"]


@dataclass(frozen=True)
class Asked:
    """A request for a file."""

    path: str
    range: str | None
    user_agent: str | None
    authorization: str | None


@dataclass
class Publisher:
    """What it has, and how it behaves.

    Attributes:
        url: of the record's JSON; the files are at ``url/files/NAME``, and at ``mirror/NAME``.
        files: name -> bytes.
        behaviour: name -> what to do at each request for it, the last one again and again: "ok", "truncate N",
            "stall N" (N bytes and then silence), "drop" (no answer), "slow", "wrong" (other bytes), "no range",
            "status N", "status N after S" (with Retry-After). "ok" where nothing is said.
        asked: what was asked for, in order.
    """

    url: str
    files: dict[str, bytes]
    behaviour: Mapping[str, Sequence[str]] = field(default_factory=dict)
    record_behaviour: Sequence[str] = ("ok",)
    asked: list[Asked] = field(default_factory=list)
    md5: dict[str, str] = field(default_factory=dict)

    @property
    def mirror(self) -> str:
        return self.url.rsplit("/", 1)[0] + "/mirror"

    def record(self) -> bytes:
        """The JSON of the record, in Zenodo's form."""
        entries = [
            {
                "key": name,
                "size": len(content),
                "checksum": f"md5:{self.md5.get(name) or hashlib.md5(content, usedforsecurity=False).hexdigest()}",
            }
            for name, content in self.files.items()
        ]
        return json.dumps({"id": 1, "files": entries}).encode()

    def next_behaviour(self, path: str) -> str:
        """By path: what the mirror does is asked for as "mirror/NAME"."""
        name = path.rsplit("/", 1)[1]
        key = f"mirror/{name}" if "/mirror/" in path else name
        told = self.behaviour.get(key, ("ok",))
        n_before = sum(one.path == path for one in self.asked)
        return told[min(n_before, len(told) - 1)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    published: Publisher

    def do_GET(self) -> None:
        published = self.published
        if self.path == "/record":
            n_before = sum(one.path == self.path for one in published.asked)
            behaviour = published.record_behaviour[min(n_before, len(published.record_behaviour) - 1)]
            self._note()
            self._send(behaviour, published.record())
            return
        name = self.path.rsplit("/", 1)[1]
        behaviour = published.next_behaviour(self.path)
        self._note()
        if name not in published.files:
            behaviour = "status 404"
        self._send(behaviour, published.files.get(name, b""))

    def _note(self) -> None:
        headers = self.headers
        self.published.asked.append(
            Asked(self.path, headers.get("Range"), headers.get("User-Agent"), headers.get("Authorization"))
        )

    def _send(self, behaviour: str, content: bytes) -> None:
        word, *numbers = behaviour.split()
        if word == "drop":
            self.close_connection = True
            return
        if word == "status":
            self.send_response(int(numbers[0]))
            if "after" in numbers:
                self.send_header("Retry-After", numbers[-1])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if word == "wrong":
            content = bytes(byte ^ 1 for byte in content)
        asked = self.headers.get("Range")
        begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if begin >= len(content) > 0:
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if begin and behaviour != "no range":
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            content = content[begin:]
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if word in ("truncate", "stall"):
            self.wfile.write(content[: int(numbers[0])])
            self.wfile.flush()
            if word == "stall":
                time.sleep(1.0)
            self.close_connection = True
            return
        step = max(1, len(content) // 20) if word == "slow" else max(1, len(content))
        for i in range(0, len(content), step):
            self.wfile.write(content[i : i + step])
            if word == "slow":
                time.sleep(0.02)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def publisher(files: Mapping[str, bytes]) -> Iterator[Publisher]:
    """A publisher of these files while the block runs."""
    published = Publisher("", dict(files))
    handler = type("Handler", (_Handler,), {"published": published})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    published.url = f"http://127.0.0.1:{server.server_address[1]}/record"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield published
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
