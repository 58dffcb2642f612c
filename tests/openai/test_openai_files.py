"""Files by OpenAI's own client: uploaded, listed, read in parts, deleted."""

from datetime import timedelta

import httpx2
import openai
import pytest
from shop import drawn
from sqlalchemy import update

from darkroom.domain.ids import BATCH, uuid_of
from darkroom.store.session import transaction
from darkroom.store.tables import batches


@pytest.fixture
def raw(shop):
    headers = {"Authorization": f"Bearer {shop.key}"}
    with httpx2.Client(base_url=shop.url, headers=headers, verify=False) as client:
        yield client


def test_an_upload_is_there_until_it_is_deleted(shop):
    files = shop.client.files
    made = files.create(file=("list.jsonl", b'{"a": 1}\n'), purpose="batch")
    assert made.id.startswith("file-")
    assert (made.object, made.bytes, made.filename) == ("file", 9, "list.jsonl")
    assert (made.purpose, made.status, made.expires_at) == ("batch", "processed", None)
    assert files.retrieve(made.id) == made
    assert files.content(made.id).content == b'{"a": 1}\n'
    gone = files.delete(made.id)
    assert (gone.id, gone.deleted, gone.object) == (made.id, True, "file")
    for look in (files.retrieve, files.content, files.delete):
        with pytest.raises(openai.NotFoundError):
            look(made.id)


def test_it_is_kept_as_long_as_was_asked(shop):
    after = {"anchor": "created_at", "seconds": 3600}
    made = shop.client.files.create(
        file=("list.jsonl", b"{}\n"), purpose="user_data", expires_after=after
    )
    assert made.expires_at - made.created_at in (3600, 3601)
    for bad in ({"anchor": "created_at", "seconds": 60}, {"anchor": "now", "seconds": 3600}):
        with pytest.raises(openai.BadRequestError) as refused:
            shop.client.files.create(file=b"{}", purpose="batch", expires_after=bad)
        assert refused.value.param == "expires_after"


def test_the_pager_walks_on_though_what_it_has_seen_is_deleted(shop):
    made = [
        shop.client.files.create(file=(f"{number}.jsonl", b"{}"), purpose="batch").id
        for number in range(5)
    ]
    assert [file.id for file in shop.client.files.list(limit=2, order="asc")] == made
    seen = []
    for file in shop.client.files.list(limit=2):
        seen.append(file.id)
        shop.client.files.delete(file.id)
    assert seen == made[::-1]
    assert shop.client.files.list().data == []


def test_what_came_of_a_batch_is_a_file_among_others(shop, ended):
    batch = ended(shop, shop.create(drawn("one"), drawn("two")))
    (listed,) = shop.client.files.list(purpose="batch_output").data
    assert listed.id == batch.output_file_id
    content = shop.client.files.content(listed.id).content
    assert listed.bytes == len(content)
    assert listed == shop.client.files.retrieve(listed.id)
    shop.client.files.delete(listed.id)
    assert shop.client.batches.retrieve(batch.id).output_file_id is None
    assert shop.client.files.list(purpose="batch_output").data == []


def test_what_came_of_a_batch_is_kept_as_long_as_was_asked(shop, studio, ended):
    after = {"anchor": "created_at", "seconds": 3600}
    batch = ended(shop, shop.create(drawn("one"), output_expires_after=after))
    file = shop.client.files.retrieve(batch.output_file_id)
    assert file.expires_at - file.created_at == 3600
    with transaction(studio.engine) as connection:
        mine = batches.c.id == uuid_of(BATCH, batch.id)
        earlier = batches.c.ended_at - timedelta(hours=2)
        connection.execute(update(batches).where(mine).values(ended_at=earlier))
    assert shop.client.batches.retrieve(batch.id).output_file_id is None
    for look in (shop.client.files.retrieve, shop.client.files.content):
        with pytest.raises(openai.NotFoundError):
            look(file.id)
    assert shop.client.files.list(purpose="batch_output").data == []


def test_a_part_of_it_is_sent_where_a_part_is_asked_for(shop, raw, ended):
    batch = ended(shop, shop.create(drawn("one"), drawn("two"), drawn("three")))
    path = f"/v1/files/{batch.output_file_id}/content"
    whole = raw.get(path)
    assert whole.headers["content-length"] == str(len(whole.content))
    assert whole.headers["accept-ranges"] == "bytes"
    size = len(whole.content)
    for start, end in ((0, 1), (3, 700), (size // 2, size), (size // 3, size // 3 * 2)):
        part = raw.get(path, headers={"Range": f"bytes={start}-{end - 1}"})
        assert part.status_code == 206
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        assert part.content == whole.content[start:end]
    assert raw.get(path, headers={"Range": "bytes=-5"}).content == whole.content[-5:]
    beyond = raw.get(path, headers={"Range": f"bytes={size}-"})
    assert beyond.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{size}"
    again = raw.get(path, headers={"If-None-Match": whole.headers["etag"]})
    assert again.status_code == 304
    other = raw.get(path, headers={"Range": "bytes=0-1", "If-Range": '"another"'})
    assert other.status_code == 200


def test_an_upload_is_read_in_parts_too(shop, raw):
    file_id = shop.client.files.create(file=("a.jsonl", b"0123456789"), purpose="batch").id
    part = raw.get(f"/v1/files/{file_id}/content", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"purpose": "fine-tune"}, "purpose"), ({}, "purpose")],
)
def test_what_cannot_be_kept_is_refused(raw, fields, param):
    answer = raw.post("/v1/files", data=fields, files={"file": ("a.jsonl", b"{}")})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["param"] == param


def test_models_are_listed_with_their_last_day(shop):
    models = {model.id: model for model in shop.client.models.list()}
    assert "gpt-image-2" in models
    assert shop.client.models.retrieve("gpt-image-2") == models["gpt-image-2"]
    with pytest.raises(openai.NotFoundError):
        shop.client.models.retrieve("dall-e-2")
