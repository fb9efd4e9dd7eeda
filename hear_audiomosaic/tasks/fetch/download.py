"""One file over HTTP: resumed after a kill or a broken line, retried, checked before it has its name.

While it is loaded, a file is called ``NAME.part``; beside it ``NAME.part.json`` says what it is part of. Whatever was
received stays and is asked for no more (``Range``), also from another mirror, since the checksum of the whole decides.
A server that cannot send a range sends the whole, and the part begins anew.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO

import requests
import urllib3

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.files import read_json, write_json

__all__ = ["Download", "md5_of_file", "new_session", "read_json_from"]

_BLOCK = 1 << 18
_CONNECT_S, _STALL_S = 15.0, 60.0
_TRIES = 5
"""In a row without one new byte, before the next mirror."""
_LONGEST_WAIT_S = 600.0
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})


class _MirrorError(Exception):
    """This mirror does not have it, or what it has is not it."""


class _BrokenLineError(Exception):
    """It did not work this time.

    Attributes:
        wait_s: what the server asks for; None: it says nothing.
    """

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.wait_s = wait_s


def new_session(user_agent: str, token: str | None = None) -> requests.Session:
    """A session that says who asks.

    Args:
        user_agent: name and version of this program.
        token: sent as ``Authorization: Bearer`` by those who use this session, and to no host that they are led to.
    """
    session = requests.Session()
    session.headers["User-Agent"] = user_agent
    session.headers["Accept-Encoding"] = "identity"  # an archive is loaded as it is; its length is what is announced
    if token:
        session.headers["Authorization"] = f"Bearer {token}"
    return session


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file to be loaded.

    Attributes:
        urls: where it is, in the order in which they are tried.
        target: where to; its folder is made.
        n_bytes: its length; None: unknown.
        md5: hexadecimal, of its bytes.
        on_bytes: told how many bytes are there.
        stall_s: how long to wait for a byte before the line counts as broken.
        pause: waits (s).
    """

    urls: Sequence[str]
    target: Path
    n_bytes: int | None
    md5: str
    on_bytes: Callable[[int], None] = lambda n_bytes: None
    stall_s: float = _STALL_S
    pause: Callable[[float], None] = time.sleep

    @property
    def part(self) -> Path:
        """The file while it is not whole."""
        return self.target.with_name(f"{self.target.name}.part")

    def run(self, session_for: Callable[[str], requests.Session]) -> str:
        """Load the file, or what is missing of it.

        Args:
            session_for: the session to use with a URL.

        Returns:
            The URL that the last of it came from.

        Raises:
            TaskError: no mirror has it, or none sends what the checksum says; each mirror's reason is named. What was
                received and may be right stays.
        """
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self._own_part()
        reasons = []
        for url in self.urls:
            try:
                self._from(url, session_for(url))
            except _MirrorError as reason:
                reasons.append(f"{url}: {reason}")
                continue
            return url
        raise TaskError(
            f"{self.target.name} could not be loaded. {'; '.join(reasons)}. "
            f"What has come so far is kept; the same command resumes. Or put the file itself into {self.target.parent}."
        )

    def _own_part(self) -> None:
        """Keep a part of the same file, drop that of another one."""
        wanted = {"n_bytes": self.n_bytes, "md5": self.md5}
        state = self.part.with_name(f"{self.part.name}.json")
        try:
            known = read_json(state)
        except (OSError, ValueError):
            known = None
        if known != wanted:
            self.part.unlink(missing_ok=True)
            write_json(state, wanted)

    def _from(self, url: str, session: requests.Session) -> None:
        """Load from one mirror, as often as it takes while bytes come."""
        failures, mismatches = 0, 0
        while True:
            before = self._n_here()
            try:
                if self.n_bytes is None or before < self.n_bytes:
                    self._receive(url, session, before)
                if self._is_right():
                    return
                mismatches += 1
                if mismatches > 1 or before == 0:  # the whole came from here: it is another file
                    raise _MirrorError(f"its MD5 is not {self.md5}, which was published")
            except _BrokenLineError as reason:
                failures = 0 if self._n_here() > before else failures + 1
                if failures >= _TRIES:
                    raise _MirrorError(f"{reason}, {_TRIES} times in a row") from reason
                wait_s = min(2.0**failures, 60.0) if reason.wait_s is None else reason.wait_s
                if wait_s > _LONGEST_WAIT_S:
                    raise _MirrorError(f"{reason}; it asks to wait for {wait_s:.0f} s") from reason
                self.pause(wait_s)

    def _receive(self, url: str, session: requests.Session, n_here: int) -> None:
        """Append to the part what the server sends of the rest."""
        headers = {"Range": f"bytes={n_here}-"} if n_here else {}
        try:
            with session.get(url, headers=headers, stream=True, timeout=(_CONNECT_S, self.stall_s)) as answer:
                begin = self._begin(answer, n_here)
                with self.part.open("r+b" if self.part.exists() else "wb") as file:
                    file.seek(begin)
                    file.truncate()
                    self._copy(answer, file, begin)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _BrokenLineError(f"the line broke ({type(error).__name__})") from error

    def _begin(self, answer: requests.Response, n_here: int) -> int:
        """The byte that the answer begins with."""
        if answer.status_code == 200:
            return 0
        if answer.status_code == 206:
            sent = answer.headers.get("Content-Range", "")
            if not sent.startswith(f"bytes {n_here}-"):
                raise _MirrorError(f"it sent '{sent}' where bytes from {n_here} on were asked for")
            return n_here
        if answer.status_code == 416 and n_here:  # there is no such rest: what is here is no part of that file
            self.part.unlink(missing_ok=True)
            raise _BrokenLineError("it has no bytes behind those that are here; beginning anew")
        why = f"HTTP status {answer.status_code} {answer.reason}"
        if answer.status_code in _BUSY:
            raise _BrokenLineError(why, _retry_after_s(answer.headers.get("Retry-After")))
        raise _MirrorError(why)

    def _copy(self, answer: requests.Response, file: BinaryIO, n_here: int) -> None:
        for block in answer.raw.stream(_BLOCK, decode_content=False):
            n_here += len(block)
            if self.n_bytes is not None and n_here > self.n_bytes:
                file.truncate(0)
                raise _MirrorError(f"it sends more than the {self.n_bytes} bytes of that file")
            file.write(block)
            self.on_bytes(n_here)
        if self.n_bytes is not None and n_here < self.n_bytes:
            raise _BrokenLineError(f"it ended after {n_here} of {self.n_bytes} bytes")

    def _is_right(self) -> bool:
        """Give the file its name if it is the one that was published; drop it if not."""
        if md5_of_file(self.part) != self.md5:
            self.part.unlink()
            return False
        with self.part.open("rb+") as file:
            os.fsync(file.fileno())
        self.part.replace(self.target)
        self.part.with_name(f"{self.part.name}.json").unlink(missing_ok=True)
        return True

    def _n_here(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0


def md5_of_file(path: Path) -> str:
    """Hexadecimal MD5 of a file's bytes, which is what publishers state; it finds damage, not forgery."""
    with path.open("rb") as file:
        digest = hashlib.md5(usedforsecurity=False)
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_json_from(url: str, session: requests.Session, pause: Callable[[float], None] = time.sleep) -> object:
    """A JSON document.

    Raises:
        TaskError: it cannot be had, or is no JSON.
    """
    why = ""
    for attempt in range(_TRIES):
        try:
            answer = session.get(url, headers={"Accept": "application/json"}, timeout=(_CONNECT_S, _STALL_S))
        except requests.RequestException as error:
            why, wait_s = f"the line broke ({type(error).__name__})", None
        else:
            if answer.status_code == 200:
                try:
                    return answer.json()
                except ValueError as error:
                    raise TaskError(f"{url} is no JSON: {error}") from error
            why, wait_s = f"HTTP status {answer.status_code}", _retry_after_s(answer.headers.get("Retry-After"))
            if answer.status_code not in _BUSY:
                break
        if attempt + 1 < _TRIES:
            pause(min(2.0**attempt if wait_s is None else wait_s, _LONGEST_WAIT_S))
    raise TaskError(f"{url} cannot be read: {why}")


def _retry_after_s(header: str | None) -> float | None:
    """Seconds to wait, from a number or a date (RFC 9110, section 10.2.3); None where nothing sound is said."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        then = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (then - datetime.now(timezone.utc)).total_seconds())
