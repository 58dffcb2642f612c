"""Routes of this dialect: a key may stand in the metadata, and a client that re-sends by itself is known."""

from typing import Any

from fastapi import Request

from api.asking import Asking
from api.once import checked, is_repeat, key_in, repeat_key
from api.route import GuardedRoute


class RepeatedRoute(GuardedRoute):
    """A guarded route whose repeats by the client itself make nothing new.

    OpenAI's libraries send a POST again when its answer is lost, and no Idempotency-Key with it.
    """

    async def asking(self, request: Request) -> Asking | None:
        """Under the caller's key, or under one made of the request."""
        key = key_in(request) or _key_in_metadata(await request.json())
        if key is not None:
            return await self.asked_under(request, key)
        asked = await self.asked_under(request, "")
        return Asking(
            asked.project_id,
            repeat_key(request, asked.fingerprint),
            asked.fingerprint,
            repeatable=True,
            repeated=is_repeat(request),
        )


def _key_in_metadata(body: Any) -> str | None:
    match body:
        case {"metadata": {"idempotency_key": str(key)}}:
            return checked(key)
        case _:
            return None
