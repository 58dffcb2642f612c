"""The published directory of a catalog, filled from the API."""

import hashlib
from pathlib import Path

from darkroom.catalogs.publishing import CURRENT, Exhibit, NotOurs, publish
from darkroom.cli.catalog_replies import Catalogs
from darkroom.cli.ending import CliError, Exit
from darkroom.cli.session import Session


def published(session: Session, catalog: Catalogs, number: int, root: Path) -> Path:
    """Put a version into the directory; where it is to be read.

    Raises:
        CliError: the directory cannot be written, or the bytes that came are not those that were stored.
        Interrupted: a signal came; the directory shows what it showed before.
    """

    def bring(exhibit: Exhibit, path: Path) -> None:
        session.heed()
        digest = hashlib.sha256()
        with path.open("xb") as file, session.client.image(exhibit.url) as chunks:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != exhibit.sha256:
            message = f"the bytes of {exhibit.sku}/{exhibit.variant} are not those that were stored"
            raise CliError(f"{message}; run the same command again", Exit.STOPPED)

    try:
        publish(root, number, catalog.exhibits(number), bring)
    except NotOurs as other:
        message = f"{other} is there and no link of ours"
        raise CliError(f"{message}; move it, or name another `directory` in the recipe") from other
    except OSError as error:
        reason = error.strerror or str(error)
        fix = "correct that and run the same command again: nothing is paid twice"
        raise CliError(f"{root} cannot be written: {reason}; {fix}", Exit.STOPPED) from error
    return (root / CURRENT).absolute()
