"""Work in threads: in order, errors at their place, and never a wait for a thread that is dead."""

from __future__ import annotations

import _thread
import threading
import time

import pytest

from hear_audiomosaic import threads
from hear_audiomosaic.threads import in_threads

pytestmark = pytest.mark.timeout(30)


def slower_first(item: int) -> int:
    time.sleep(0.002 * (item % 3))
    return item * item


@pytest.mark.parametrize("n_threads", [1, 2, 8])
@pytest.mark.parametrize("n_items", [0, 1, 7, 40])
def test_results_come_in_the_order_of_the_items(n_threads: int, n_items: int) -> None:
    assert list(in_threads(slower_first, range(n_items), n_threads, 3)) == [i * i for i in range(n_items)]


def test_no_more_items_are_taken_than_asked() -> None:
    taken = []

    def items() -> object:
        for i in range(20):
            taken.append(i)
            yield i

    results = in_threads(slower_first, items(), 2, 4)
    for i in range(10):
        assert next(results) == i * i
        assert len(taken) <= i + 4
    results.close()
    assert len(taken) < 20


def test_an_error_is_raised_at_its_place_and_the_threads_end() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise MemoryError("of item 3")
        return item

    before = _thread._count()
    results = in_threads(work, range(10), 2, 5)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(MemoryError, match="of item 3"):
        next(results)
    time.sleep(0.05)
    assert _thread._count() == before


def test_a_caller_that_stops_early_waits_for_what_is_being_done_only() -> None:
    running, done = threading.Event(), []

    def work(item: int) -> int:
        running.set()
        time.sleep(0.05)
        done.append(item)
        return item

    results = in_threads(work, range(100), 2, 50)
    assert next(results) == 0
    running.wait()
    results.close()
    n = len(done)
    time.sleep(0.2)
    assert len(done) == n < 10


def test_without_threads_the_caller_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    assert list(in_threads(slower_first, range(10), 2, 3)) == [i * i for i in range(10)]


def test_with_one_thread_of_two_it_works_on(monkeypatch: pytest.MonkeyPatch) -> None:
    start, started = _thread.start_new_thread, []

    def one_only(*arguments: object) -> int:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(start(*arguments))  # type: ignore[arg-type]
        return started[0]

    monkeypatch.setattr(_thread, "start_new_thread", one_only)
    assert list(in_threads(slower_first, range(10), 2, 3)) == [i * i for i in range(10)]


def test_a_thread_that_dies_at_its_start_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_thread, "start_new_thread", lambda *_: 1)
    monkeypatch.setattr(threads, "_BEGINS_WITHIN_S", 0.2)
    with pytest.raises(MemoryError, match="has died"):
        list(in_threads(slower_first, range(10), 2, 3))


def test_a_thread_that_dies_at_work_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where there is no memory to keep the error in."""

    def die(job: object) -> None:
        raise SystemExit  # ends a thread without a word

    monkeypatch.setattr(threads._Job, "do", die)
    with pytest.raises(MemoryError, match="has died"):
        list(in_threads(slower_first, range(10), 2, 3))
