"""Which batch is meant: ids may be shortened to a beginning or an end that only one batch has."""

from darkroom.cli.caller import command
from darkroom.cli.client import Client
from darkroom.cli.ending import CliError
from darkroom.cli.refused import NotFound
from darkroom.cli.replies import Batch
from darkroom.domain.ids import BATCH, uuid_of

SHORT = 8
_LEAST = 4
_LOOKED_AT = 100


def short(batch_id: str) -> str:
    """The end of an id, as tables show it.

    >>> short("batch_019ab2c34d5e7f00a1b2c3d4e5f60718")
    'e5f60718'
    """
    return batch_id[-SHORT:]


def meant(client: Client, text: str) -> Batch:
    """The batch of this id, whole or shortened.

    Raises:
        CliError: there is none, or several begin or end so.
    """
    if uuid_of(BATCH, text):
        try:
            return client.batch(text)
        except NotFound:
            raise unknown(text) from None
    digits = text.removeprefix(BATCH).lower()
    if len(digits) < _LEAST:
        raise unknown(text)
    found = [one for one in client.batches(_LOOKED_AT) if _fits(one.id, digits)]
    match found:
        case [one]:
            return one
        case []:
            raise unknown(text)
        case _:
            raise CliError(f"{len(found)} batches are {text!r}; write more of the id")


def unknown(text: str) -> CliError:
    return CliError(f"there is no batch {text!r}; `{command('status')}` lists those that are")


def _fits(batch_id: str, digits: str) -> bool:
    key = batch_id.removeprefix(BATCH)
    return key.startswith(digits) or key.endswith(digits)
