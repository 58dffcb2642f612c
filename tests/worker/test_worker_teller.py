"""A teller on a real database: company is served together, trouble is one's own, and nobody is kept waiting."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from darkroom.store.session import StoreAway, transaction
from worker.teller import Teller

PATIENCE = 20


class Counter:
    """Writes numbers into a table; the first to come may be kept there while others queue up."""

    def __init__(self, engine) -> None:
        self.engine = engine
        self.groups: list[list[int]] = []
        self.servers: list[int] = []
        self.entered, self.may_leave = threading.Event(), threading.Event()
        self.may_leave.set()
        self.teller = Teller(engine, self.serve)
        with transaction(engine) as connection:
            connection.execute(text("CREATE TABLE numbers (number integer PRIMARY KEY)"))

    def serve(self, connection, numbers: Sequence[int]) -> list[int]:
        self.groups.append(list(numbers))
        self.servers.append(threading.get_ident())
        self.entered.set()
        assert self.may_leave.wait(PATIENCE)
        for number in numbers:
            connection.execute(text("INSERT INTO numbers VALUES (:number)"), {"number": number})
            if number == 0:
                connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return [number * 2 for number in numbers]

    def ask_together(self, *numbers: int):
        """The answers, or the trouble, of those who come while -1 is served."""
        self.may_leave.clear()
        with ThreadPoolExecutor(len(numbers) + 1) as pool:
            alone = pool.submit(self.teller.ask, -1)
            assert self.entered.wait(PATIENCE)
            asked = [pool.submit(self.teller.ask, number) for number in numbers]
            while len(self.teller._waiting) < len(numbers):
                """Until all of them wait."""
            self.may_leave.set()
            assert alone.result(PATIENCE) == -2
            return [one.exception(PATIENCE) or one.result() for one in asked]

    def written(self) -> set[int]:
        with transaction(self.engine) as connection:
            return set(connection.execute(text("SELECT number FROM numbers")).scalars())


@pytest.fixture
def counter(engine) -> Counter:
    return Counter(engine)


def test_who_comes_alone_is_served_at_once_by_its_own_thread(counter):
    assert [counter.teller.ask(number) for number in (1, 2)] == [2, 4]
    assert counter.groups == [[1], [2]]
    assert set(counter.servers) == {threading.get_ident()}


def test_who_comes_while_others_are_served_is_served_with_all_who_wait(counter):
    assert counter.ask_together(*range(1, 9)) == [number * 2 for number in range(1, 9)]
    assert sorted(map(len, counter.groups)) == [1, 8]
    assert counter.written() == {-1, *range(1, 9)}


def test_trouble_is_told_to_whom_it_belongs_and_to_no_other(counter):
    """Two that ask for the same: the database refuses the second, and so at first the group."""
    first, second, third, fourth = counter.ask_together(1, 2, 2, 3)
    assert (first, fourth) == (2, 6)
    assert sorted([type(second).__name__, type(third).__name__]) == ["IntegrityError", "int"]
    assert counter.written() == {-1, 1, 2, 3}


def test_a_lost_database_is_told_to_all_and_the_next_is_served(counter):
    answers = counter.ask_together(1, 0, 2)
    assert all(isinstance(answer, StoreAway) for answer in answers)
    assert len(counter.groups) == 2
    assert counter.teller.ask(7) == 14
    assert counter.written() == {-1, 7}


def test_once_the_database_is_lost_nobody_else_is_tried_alone(counter):
    """The group fails for a refusal, then each is tried; at 0 the database goes."""
    answers = counter.ask_together(1, -1, 0, 2)
    kinds = [type(answer).__name__ for answer in answers]
    order = [number for [number] in counter.groups[2:]]
    assert kinds.count("StoreAway") == 4 - order.index(0)
    assert order[-1] == 0
    assert counter.teller.ask(7) == 14


def test_a_crowd_is_served_to_the_last(counter):
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(counter.teller.ask, range(1, 301))) == [n * 2 for n in range(1, 301)]
    assert sum(map(len, counter.groups)) == 300
    assert counter.written() == set(range(1, 301))
