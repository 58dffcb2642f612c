"""From the ids that callers write to the keys of the record; what cannot be an id names nothing."""

import re
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import quote, unquote
from uuid import UUID

from api.refusals import Fault, Invalid, Missing
from darkroom.domain.ids import ATTEMPT, BATCH, FILE, IMAGE, JOB, WEBHOOK, number_of, uuid_of
from darkroom.domain.request import unstorable

KEY = "key_"
DELIVERY = "whd_"
SETTLEMENT = "stl_"
_INDEX = re.compile(r"[0-9]{1,4}")
"""An image's index is a smallint in the record."""

NAME_LIMIT = 100
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_COUNT = re.compile(r"[0-9]{1,9}")

Key = TypeVar("Key")


def batch_key(name: str) -> UUID:
    """The key of a batch. Raises Missing."""
    return _known(uuid_of(BATCH, name), "batch", name)


def file_key(name: str) -> UUID:
    """The key of a file. Raises Missing."""
    return _known(uuid_of(FILE, name), "file", name)


def job_key(name: str) -> int:
    """The key of a job. Raises Missing."""
    return _known(number_of(JOB, name), "job", name)


def attempt_key(name: str) -> UUID:
    """The key of an attempt. Raises Missing."""
    return _known(uuid_of(ATTEMPT, name), "attempt", name)


def api_key_key(name: str) -> UUID:
    """The key of an API key. Raises Missing."""
    return _known(uuid_of(KEY, name), "key", name)


def webhook_key(name: str) -> UUID:
    """The key of a webhook's endpoint. Raises Missing."""
    return _known(uuid_of(WEBHOOK, name), "webhook", name)


def delivery_key(name: str) -> int:
    """The key of a delivery. Raises Missing."""
    return _known(number_of(DELIVERY, name), "delivery", name)


def image_key(name: str) -> tuple[UUID, int]:
    """The attempt that brought an image, and which of its images it is. Raises Missing.

    >>> image_key("img_000000000000000000000000000000ff-1")
    (UUID('00000000-0000-0000-0000-0000000000ff'), 1)
    """
    prefix, _, digits = name.rpartition("-")
    index = int(digits) if _INDEX.fullmatch(digits) else None
    return _known(uuid_of(IMAGE, prefix), "image", name), _known(index, "image", name)


def catalog_name(name: str) -> str:
    """The name of a catalog. Raises Missing."""
    usable = 0 < len(name) <= NAME_LIMIT and not unstorable(name)
    return _known(name if usable else None, "catalog", name)


def version_number(text: str) -> int:
    """The number of a version of a catalog. Raises Missing."""
    return _known(int(text) if _VERSION.fullmatch(text) else None, "version", text)


def batch_cursor(after: str | None) -> UUID | None:
    """Where a page of batches begins. Raises Invalid."""
    return None if after is None else followed(uuid_of(BATCH, after))


def key_cursor(after: str | None) -> UUID | None:
    """Where a page of API keys begins. Raises Invalid."""
    return None if after is None else followed(uuid_of(KEY, after))


def project_cursor(after: str | None) -> str | None:
    """Where a page of projects begins. Raises Invalid."""
    return None if after is None else followed(None if unstorable(after) else after)


def job_cursor(after: str | None) -> int | None:
    """Where a page of jobs begins. Raises Invalid."""
    return None if after is None else followed(number_of(JOB, after))


def delivery_cursor(after: str | None) -> int | None:
    """Where a page of deliveries begins. Raises Invalid."""
    return None if after is None else followed(number_of(DELIVERY, after))


def settlement_cursor(after: str | None) -> int:
    """Where a page of settlements begins. Raises Invalid."""
    return 0 if after is None else followed(number_of(SETTLEMENT, after))


def version_cursor(after: str | None) -> int | None:
    """Where a page of a catalog's versions begins. Raises Invalid."""
    return None if after is None else followed(int(after) if _VERSION.fullmatch(after) else None)


def problem_cursor(after: str | None) -> int:
    """How many problems of a file were seen. Raises Invalid."""
    return 0 if after is None else followed(int(after) if _COUNT.fullmatch(after) else None)


def usage_place(seen: int, until: datetime) -> str:
    """How many sums were seen of those up to a moment, which does not move on from page to page.

    >>> usage_cursor(usage_place(1000, datetime(2026, 11, 23, tzinfo=UTC)))
    (1000, datetime.datetime(2026, 11, 23, 0, 0, tzinfo=datetime.timezone.utc))
    """
    return f"{seen}/{until.astimezone(UTC).isoformat().removesuffix('+00:00')}Z"


def usage_cursor(after: str | None) -> tuple[int, datetime | None]:
    """How many sums were seen, and up to which moment they are. Raises Invalid."""
    if after is None:
        return 0, None
    seen, _, until = after.partition("/")
    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        return followed(None)
    return followed((int(seen), moment) if _COUNT.fullmatch(seen) and moment.tzinfo else None)


def item_place(sku: str, variant: str) -> str:
    """The place of an item in its version.

    >>> item_place("a/b", "main"), item_cursor("a%2Fb/main")
    ('a%2Fb/main', ('a/b', 'main'))
    """
    return f"{quote(sku, safe='')}/{quote(variant, safe='')}"


def item_cursor(after: str | None) -> tuple[str, str]:
    """Where a page of a version's items begins. Raises Invalid."""
    if after is None:
        return "", ""
    sku, slash, variant = after.partition("/")
    key = unquote(sku), unquote(variant)
    return followed(key if slash and not unstorable("".join(key)) else None)


def _known(key: Key | None, kind: str, name: str) -> Key:
    if key is None:
        raise Missing(kind, name)
    return key


def followed(key: Key | None) -> Key:
    """The place after which a page begins. Raises Invalid where there is none."""
    if key is None:
        detail = "must be the `next` of an earlier page"
        raise Invalid([Fault("cursor_not_valid", detail, column="after")])
    return key
