"""Keys, providers, workers, hints and duties: the small records beside the queue."""

from contextlib import closing
from uuid import uuid4

from stage import failed, succeeded

from darkroom.store import keys, providers, workers
from darkroom.store.hints import About, Listener, ring
from darkroom.store.locks import Duty, try_lock
from darkroom.store.providers import Standing
from darkroom.store.session import transaction


def _key(stage, secret="dk_secret_one", project="default"):
    key_id = uuid4()
    stage.call(
        keys.add, key_id=key_id, project_id=project, name="n", secret=secret, scopes=["read"]
    )
    return key_id


def test_a_key_is_found_by_its_secret_and_never_kept(stage):
    key_id = _key(stage)
    found = stage.call(keys.find, "dk_secret_one")
    assert (found.id, found.scopes, found.prefix) == (key_id, ("read",), "dk_secret_")
    assert stage.call(keys.find, "dk_secret_two") is None
    assert stage.call(keys.find, "") is None
    assert not stage.rows("SELECT 1 FROM api_keys k WHERE k::text LIKE '%dk_secret_one%'")


def test_the_same_key_twice_is_one_key(stage):
    first = _key(stage)
    _key(stage)
    assert stage.call(keys.find, "dk_secret_one").id == first


def test_a_revoked_key_opens_nothing_and_only_its_project_revokes_it(stage):
    key_id = _key(stage, project="shop")
    assert not stage.call(keys.revoke, "default", key_id)
    assert stage.call(keys.find, "dk_secret_one")
    assert stage.call(keys.revoke, "shop", key_id)
    assert stage.call(keys.revoke, "shop", key_id)
    assert stage.call(keys.find, "dk_secret_one") is None
    [shown] = stage.call(keys.page, "shop", 9)
    assert shown.revoked_at is not None


def test_use_is_noted_once_a_minute(stage):
    key_id = _key(stage)
    used = "SELECT last_used_at FROM api_keys WHERE id = :id"
    stage.call(keys.find, "dk_secret_one")
    first = stage.one(used, id=key_id).last_used_at
    stage.call(keys.find, "dk_secret_one")
    assert stage.one(used, id=key_id).last_used_at == first is not None
    stage.sql("UPDATE api_keys SET last_used_at = now() - interval '2 min'")
    stage.call(keys.find, "dk_secret_one")
    assert stage.one(used, id=key_id).last_used_at > first


def test_a_paused_key_is_paused_until_it_is_another_or_a_person_resumes_it(stage):
    assert stage.call(providers.standing, "default", "k1") == Standing()
    assert stage.call(providers.pause, "default", "k1", "refused")
    assert not stage.call(providers.pause, "default", "k1", "again")
    assert stage.call(providers.standing, "default", "k1") == Standing("refused")
    assert stage.call(providers.standing, "default", "k2") == Standing(on_trial=True)
    assert stage.call(providers.pause, "default", "k2", "refused too")
    stage.call(providers.resume, stage.batch())
    assert stage.call(providers.standing, "default", "k2") == Standing(on_trial=True)


def test_resuming_a_batch_of_one_provider_leaves_the_others_paused(stage):
    stage.call(providers.pause, "another", "k", "refused")
    stage.call(providers.resume, stage.batch())
    assert stage.call(providers.standing, "another", "k") == Standing("refused")


def test_only_an_image_of_a_call_begun_since_ends_a_trial(stage):
    batch_id = stage.batch(3)
    before, second, third = stage.dispatch(batch_id)
    before = stage.begin(before)
    stage.call(providers.pause, "default", "k", "refused")
    stage.call(providers.resume, batch_id)
    stage.settle(before, succeeded())
    assert stage.call(providers.standing, "default", "k").on_trial
    stage.settle(stage.begin(second), failed())
    assert stage.call(providers.standing, "default", "k").on_trial
    stage.settle(stage.begin(third), succeeded())
    assert stage.call(providers.standing, "default", "k") == Standing()
    [known] = stage.call(providers.page)
    assert (known.name, known.paused_reason, known.probing_since) == ("default", None, None)


def test_the_slots_are_those_of_living_workers(stage):
    stage.call(workers.beat, "w1", 8)
    stage.call(workers.beat, "w2", 8)
    stage.call(workers.beat, "w1", 0)
    assert stage.call(workers.slots) == 8
    stage.sql("UPDATE workers SET seen_at = now() - interval '21 s' WHERE name = 'w2'")
    assert stage.call(workers.slots) == 0
    stage.sql("UPDATE workers SET seen_at = now() - interval '2 days' WHERE name = 'w2'")
    stage.call(workers.leave, "w1")
    assert not stage.rows("SELECT 1 FROM workers")


def test_a_hint_is_heard_when_its_transaction_commits(stage):
    listener = Listener(stage.engine)
    with transaction(stage.engine) as connection:
        ring(connection)
        assert not listener.wait(0.01)
    assert listener.wait(10) == {About.JOBS}
    assert not listener.wait(0.01)
    listener.close()


def test_a_hint_says_what_it_is_about_and_another_versions_may_be_about_anything(stage):
    with closing(Listener(stage.engine)) as listener:
        stage.call(ring, About.LISTS)
        assert listener.wait(10) == {About.LISTS}
        stage.call(ring, About.LISTS, About.JOBS)
        assert listener.wait(10) == {About.LISTS, About.JOBS}
        stage.sql("SELECT pg_notify('darkroom', '')")
        assert listener.wait(10) == {About.LISTS, About.JOBS}


def test_a_crowd_is_those_who_live_and_do_the_same(stage):
    for name, slots, called, focus in (
        ("one", 4, ["default"], None),
        ("two", 4, ["default"], None),
        ("resting", 0, ["default"], None),
        ("other", 4, ["relay"], None),
        ("away", 4, ["default"], "mine"),
        ("dead", 4, ["default"], None),
    ):
        stage.call(workers.beat, name, slots, called, focus)
    stage.sql("UPDATE workers SET seen_at = seen_at - interval '1 h' WHERE name = 'dead'")
    crowds = {name: stage.call(workers.crowd, name) for name in ("one", "other", "away", "nobody")}
    assert crowds == {"one": 2, "other": 1, "away": 1, "nobody": 1}
    assert stage.call(workers.crowd, "resting") == 3, "with both that do its work"


def test_a_duty_is_one_workers_at_a_time(stage):
    with transaction(stage.engine) as one, transaction(stage.engine) as other:
        assert try_lock(one, Duty.REAP)
        assert not try_lock(other, Duty.REAP)
        assert try_lock(other, Duty.DISPATCH)
    with transaction(stage.engine) as again:
        assert try_lock(again, Duty.REAP)
