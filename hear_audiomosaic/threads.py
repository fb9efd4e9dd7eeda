"""Work in threads with results in order, for what releases Python's global lock: reading, decoding, resampling.

Deviation from ``concurrent.futures``: when memory is so short that a thread dies before it can say so, that module
waits for it for ever (``Thread.start`` for its beginning, ``Future.result`` for its end). Here a thread that has died
is noticed, and where none can be started the caller's own thread does the work.
"""

from __future__ import annotations

import _thread
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

__all__ = ["in_threads"]

A = TypeVar("A")
B = TypeVar("B")

_LOOK_S = 0.5
"""How often a thread that is waited for is looked after."""
_BEGINS_WITHIN_S = 20.0
"""A thread that does nothing for so long after its start has died in it."""


def in_threads(work: Callable[[A], B], items: Iterable[A], n_threads: int, n_ahead: int) -> Iterator[B]:
    """Yield ``work(item)`` of each item, in order.

    What ``work`` raises is raised where its result would come. When the caller stops early, what is being worked on is
    waited for, and the rest is not begun.

    Args:
        work: is called from any of the threads.
        items: taken one by one, in the caller's thread.
        n_threads: at most.
        n_ahead: items that are taken before their turn, at least 1.

    Raises:
        MemoryError: a thread has died.
    """
    queue: SimpleQueue[_Job[A, B] | None] = SimpleQueue()
    threads = _start(queue, n_threads)
    pending: deque[_Job[A, B]] = deque()
    items = iter(items)
    try:
        while True:
            for item in islice(items, n_ahead - len(pending)):
                job = _Job(work, item)
                pending.append(job)
                if threads:
                    queue.put(job)
                else:
                    job.do()
            if not pending:
                return
            job = pending.popleft()
            while not job.ended.acquire(timeout=_LOOK_S):
                _look_after(threads)
            yield job.result()
    finally:
        _end(queue, threads)


class _Job(Generic[A, B]):
    """One item, and what comes of it."""

    def __init__(self, work: Callable[[A], B], item: A) -> None:
        self.ended = _thread.allocate_lock()
        self.ended.acquire()
        self._work, self._item = work, item
        self._results: list[B] = []
        self._error: BaseException | None = None

    def do(self) -> None:
        try:
            self._results.append(self._work(self._item))
        except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
            self._error = error
        finally:
            self.ended.release()

    def result(self) -> B:
        if self._error is not None:
            raise self._error
        return self._results.pop()


class _Worker:
    """What a thread leaves for others to see; setting these needs no memory."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.began = False
        self.ended = False

    @property
    def is_dead(self) -> bool:
        return self.ended or (not self.began and time.monotonic() - self.started > _BEGINS_WITHIN_S)


def _start(queue: SimpleQueue[_Job[A, B] | None], n_threads: int) -> list[_Worker]:
    threads = []
    for _ in range(n_threads):
        worker = _Worker()
        try:
            _thread.start_new_thread(_do_all, (queue, worker))
        except (RuntimeError, MemoryError):  # "can't start new thread": fewer do
            break
        threads.append(worker)
    return threads


def _do_all(queue: SimpleQueue[_Job[A, B] | None], worker: _Worker) -> None:
    worker.began = True
    try:
        while (job := queue.get()) is not None:
            job.do()
            job = None  # what it holds is the caller's
    finally:
        worker.ended = True


def _look_after(threads: list[_Worker]) -> None:
    if any(thread.is_dead for thread in threads):
        raise MemoryError("a thread that reads has died; there is not enough memory for it")


def _end(queue: SimpleQueue[_Job[A, B] | None], threads: list[_Worker]) -> None:
    """Drop what is not begun and wait for the rest."""
    try:
        while True:
            queue.get_nowait()
    except Empty:
        pass
    for _ in threads:
        queue.put(None)
    while not all(thread.is_dead for thread in threads):
        time.sleep(0.001)
