"""What pollers were told: for half a second, and not for ever more of them."""

from uuid import uuid4

from api.auth import Caller, Scope
from api.told import FRESH, HOLDS, MOST, Telling, Told

CALLER = Caller("default", (Scope.READ,), uuid4())


def telling(tag: str, body: bytes = b"{}") -> Telling:
    return Telling(CALLER, tag, {"ETag": tag}, body)


def test_it_holds_for_half_a_second_and_until_something_is_changed():
    now = [0.0]
    told = Told(clock=lambda: now[0])
    told.note(b"asked", telling("one"))
    now[0] = HOLDS
    assert told.recall(b"asked") == telling("one")
    assert told.recall(b"else") is None
    now[0] += 0.001
    assert told.recall(b"asked") is None
    told.note(b"asked", telling("two"))
    told.forget()
    assert told.recall(b"asked") is None


def test_one_looks_again_while_the_others_are_told_what_was_seen():
    now = [0.0]
    told = Told(clock=lambda: now[0])
    told.note(b"asked", telling("one"))
    now[0] = FRESH
    assert not told.is_due(b"asked")
    now[0] += 0.001
    assert [told.is_due(b"asked") for _ in range(3)] == [True, False, False]
    assert told.recall(b"asked") == telling("one")
    told.note(b"asked", telling("two"))
    assert told.recall(b"asked") == telling("two")
    assert not told.is_due(b"else")
    now[0] += 2 * FRESH
    assert told.is_due(b"asked")


def test_who_knew_the_version_leaves_the_body_to_those_who_do_not():
    told = Told(clock=lambda: 0.0)
    told.note(b"asked", telling("one"))
    told.note(b"asked", telling("one", b""))
    assert told.recall(b"asked") == telling("one")
    told.note(b"asked", telling("two", b""))
    assert told.recall(b"asked") == telling("two", b"")


def test_no_more_are_remembered_than_fit():
    told = Told(clock=lambda: 0.0)
    for number in range(MOST + 1):
        told.note(str(number).encode(), telling("one"))
    assert told.recall(b"0") is None
    assert told.recall(str(MOST).encode()) == telling("one")
