"""Looks that many share: one at a time, and never one that began before somebody asked."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.looks import Looks

MANY = 20


class Watched:
    """A thing whose first look lasts until it is let go."""

    def __init__(self) -> None:
        self.looks, self.value = 0, "old"
        self.begun, self.go = threading.Event(), threading.Event()

    def look(self):
        self.looks += 1
        seen = self.value
        self.begun.set()
        assert self.go.wait(30)
        return seen


def test_who_comes_while_one_looks_shares_the_next_look():
    looks, watched = Looks(), Watched()
    with ThreadPoolExecutor(MANY) as pool:
        first = pool.submit(looks.share, "thing", watched.look)
        assert watched.begun.wait(30)
        watched.value = "new"
        others = [pool.submit(looks.share, "thing", watched.look) for _ in range(MANY - 1)]
        assert looks.share("another", lambda: "seen") == "seen"
        watched.go.set()
        assert first.result(30) == "old"
        assert {one.result(30) for one in others} == {"new"}
    assert 2 <= watched.looks < MANY


def test_what_goes_wrong_is_told_to_all_and_forgotten():
    looks = Looks()
    with pytest.raises(ZeroDivisionError):
        looks.share("thing", lambda: 1 // 0)
    assert looks.share("thing", lambda: 1) == 1
