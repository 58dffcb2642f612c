"""The images of one answer, stored as they came: bytes that are in it, and bytes behind its links."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from darkroom.domain.attempt import Disposition, StoredImage
from darkroom.domain.failure import Failure, FailureClass
from darkroom.domain.models import AUTO
from darkroom.fetching import FetchCode, FetchFailed
from darkroom.pictures import NotAPicture, Picture, inspect
from darkroom.provider import Images
from darkroom.telemetry.logs import logger
from worker.tools import Tools

SURPLUS_KEPT = 10
"""As many as the API makes in one call; whatever a broken relay sends beyond stays in the receipt."""

FETCHES = 3
"""Tries of a link before its attempt ends: what is behind it is paid for."""


REFUSED = frozenset(
    {
        FetchCode.BAD_URL,
        FetchCode.NOT_ALLOWED,
        FetchCode.REDIRECT_REFUSED,
        FetchCode.TLS_FAILED,
        FetchCode.PROTOCOL_ERROR,
        FetchCode.TOO_LARGE,
    }
)
"""A relay that answers with such a link does so again: the next image would be paid for and not be had."""

_RELAY_FIX = "have the relay answer with b64_json, or with public links"
_OWN_RELAY_FIX = f"{_RELAY_FIX}; if it is on a network of your own, set DARKROOM_ALLOW_PRIVATE_URLS"


class Harvest:
    """Stores images one at a time, byte for byte: what is signed stays signed."""

    def __init__(
        self, tools: Tools, request: Mapping[str, Any], follow: Callable[[str], bytes] | None
    ) -> None:
        self._tools, self._request, self._follow = tools, request, follow
        self._asked = int(request["n"])
        self._quality: str | None = None if request["quality"] == AUTO else request["quality"]
        self._klass = FailureClass.UNKNOWN_OUTCOME
        self._code, self._flaw = "not_an_image", "the answer holds no image"
        self._seen = 0
        self.images: list[StoredImage] = []

    @property
    def follows_links(self) -> bool:
        """Whether this provider answers with links."""
        return self._follow is not None

    def gather(self, reading: Images) -> None:
        """Stores what is in the answer; of more than were asked for, a few are kept beside them as surplus."""
        self._quality = reading.effective.get("quality", self._quality)
        for data in reading.images[: self._most]:
            self._add(data)

    def fetch(self, links: Sequence[str]) -> None:
        """Fetches and stores what the answer only points to."""
        if self._follow is None:
            return
        for url in links[: self._most]:
            data = self._fetched(url, self._follow)
            if data is not None:
                self._add(data)

    def failure(self) -> Failure:
        """Why there is no image, although one was paid for."""
        return Failure(self._klass, self._code, self._flaw, 200)

    @property
    def _most(self) -> int:
        return self._asked + SURPLUS_KEPT

    def _add(self, data: bytes) -> None:
        index, self._seen = self._seen, self._seen + 1
        picture = inspect(data)
        if isinstance(picture, NotAPicture):
            self._code = "not_an_image"
            self._flaw = f"the answer's image is not one: {picture.reason}"
            return
        self.images.append(
            StoredImage(
                index=index,
                sha256=self._tools.blobs.put(data),
                bytes=len(data),
                format=picture.format,
                width=picture.width,
                height=picture.height,
                disposition=self._disposition(picture),
                quality=self._quality,
                crc32=zlib.crc32(data),
            )
        )

    def _disposition(self, picture: Picture) -> Disposition:
        if len(self.images) >= self._asked:
            return Disposition.SURPLUS
        as_asked = self._request["size"] in (AUTO, f"{picture.width}x{picture.height}")
        if as_asked and picture.format == self._request["output_format"]:
            return Disposition.PUBLISHED
        return Disposition.MISMATCH

    def _fetched(self, url: str, follow: Callable[[str], bytes]) -> bytes | None:
        for attempt in range(FETCHES):
            try:
                return follow(url)
            except FetchFailed as failed:
                self._note(failed)
                if not failed.code.passing:
                    return None
            if attempt + 1 < FETCHES:
                self._tools.pause(2.0**attempt)
        return None

    def _note(self, failed: FetchFailed) -> None:
        logger("worker").warning(str(failed), action="fetch_image", reason=failed.code)
        self._code, self._flaw = "image_not_fetched", str(failed)
        self._klass = FailureClass.UNKNOWN_OUTCOME
        if failed.code in REFUSED:
            self._klass, self._code = FailureClass.WITHHELD, "link_refused"
            why = str(failed).rpartition("; ")[0]  # behind it stands the fix for a row's own URL
            fix = _OWN_RELAY_FIX if failed.code is FetchCode.NOT_ALLOWED else _RELAY_FIX
            self._flaw = f"the image lies behind a link that is not followed ({why}); {fix}"
