"""A stack of our own, and a key that its API takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from darkroom.blobs import BadStorageUrl, StorageFailed, open_store
from darkroom.cli.client import Client
from darkroom.cli.ending import CliError
from darkroom.cli.environment import Environment
from darkroom.cli.refused import KeyRefused
from darkroom.cli.stack import Layout, build, key_path, local_key
from darkroom.local.stack import Stack


@contextmanager
def hosted(layout: Layout, say: Callable[[str], None], *, guest: bool = False) -> Iterator[Stack]:
    """The stack of this layout while it lasts; a key that was revoked is replaced by a new one.

    The API admits the key that it is started with, so that a new one needs a new start.

    Raises:
        CliError: the storage cannot be used; nothing has been started.
    """
    _require_storage(layout.environment.storage_url)
    for renewed in (False, True):
        with build(layout, say, guest=guest) as stack:
            if renewed or _admitted(stack, layout.environment):
                yield stack
                return
        say("the key of this home was revoked: making a new one and starting again")
        key_path(layout.environment).unlink(missing_ok=True)


def _admitted(stack: Stack, environment: Environment) -> bool:
    with Client(stack.urls.api, local_key(environment)) as client:
        try:
            client.batches(1)
        except KeyRefused:
            return False
        return True


def _require_storage(url: str | None) -> None:
    if url is None:
        return
    try:
        open_store(url).check()
    except (BadStorageUrl, StorageFailed) as error:
        raise CliError(f"DARKROOM_STORAGE_URL cannot be used: {error}") from None
