"""Edits in a batch: OpenAI's own client uploads a picture and names it by its id."""

from io import BytesIO

from PIL import Image
from shop import drawn

EDITS = "/v1/images/edits"


def test_pictures_are_named_by_their_file(shop, ended):
    picture = BytesIO()
    Image.new("RGB", (64, 64), "red").save(picture, "PNG")
    reference = shop.client.files.create(file=("red.png", picture.getvalue()), purpose="vision")
    body = drawn("make it blue", images=[{"file_id": reference.id}])
    batch = shop.client.batches.create(
        input_file_id=shop.upload(body, url=EDITS), endpoint=EDITS, completion_window="24h"
    )
    done = ended(shop, batch)
    assert done.status == "completed", done.errors
    (line,) = shop.lines(done.output_file_id)
    body = line["response"]["body"]
    assert len(body["data"]) == 1
    assert body["usage"]["input_tokens_details"]["image_tokens"] > 0
