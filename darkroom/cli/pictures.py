"""The pictures that a list names on this machine: looked at here, and uploaded once each."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

from darkroom.cli.client import Client
from darkroom.cli.ending import CliError
from darkroom.cli.environment import Environment
from darkroom.domain.problem import Problem
from darkroom.domain.reference import Edit, Place, place_of
from darkroom.fetching import Guard
from darkroom.lookout import Lookout
from darkroom.pictures import NotAPicture, Seen, Sight, fitting, look

UPLOADS = 4
"""Pictures that are uploaded at once."""

NAMED = 50_000
"""As many paths as one batch may name; beyond that, a file id in the list says it shorter."""

_LARGEST = 50_000_000


def lookout_of(environment: Environment) -> Lookout:
    """How references are looked at under these settings."""
    return Lookout(Guard(allow_private=environment.allow_private_urls))


@dataclass(slots=True)
class Pictures:
    """What the rows of a list call a picture; a path leads on from the folder that the list lies in."""

    folder: Path
    lookout: Lookout
    _sights: dict[str, Sight] = field(default_factory=dict)

    def judge(self, edit: Edit) -> Iterator[Problem]:
        """What is wrong with the pictures of an edit, as far as it can be told here."""
        sights = {one: self.sight(one) for one in edit.references}
        return fitting(edit, sights.get)

    def sight(self, reference: str) -> Sight | None:
        """What a picture is that is here or in the row itself; None for one that lies elsewhere."""
        if place_of(reference) is not Place.PATH:
            return self.lookout.sight(reference)
        if reference not in self._sights:
            self._sights[reference] = self._looked(reference)
        return self._sights[reference]

    def content(self, of_list: str) -> str:
        """The sha256 of a list and of all its pictures: another picture of the same name is another list."""
        seen = {name: one.sha256 for name, one in self._sights.items() if isinstance(one, Seen)}
        if not seen:
            return of_list
        return hashlib.sha256(json.dumps([of_list, seen], sort_keys=True).encode()).hexdigest()

    def uploaded(self, client: Client) -> dict[str, str]:
        """The file id of every path, each content handed in once if the API does not have it yet.

        Raises:
            CliError: the API does not take one of them, or there are too many.
        """
        seen = {name: one.sha256 for name, one in self._sights.items() if isinstance(one, Seen)}
        if len(seen) > NAMED:
            fix = "make several lists of it, or upload them and write their file ids"
            raise CliError(
                f"the list names {len(seen):,} pictures; {NAMED:,} can be at once: {fix}"
            )
        names: Mapping[str, str] = {sha256: name for name, sha256 in seen.items()}
        with ThreadPoolExecutor(UPLOADS, "darkroom-upload") as hands:
            ids = hands.map(
                lambda one: client.keep_picture(one[0], self._path(one[1])), names.items()
            )
            id_of = dict(zip(names, ids, strict=True))
        return {name: id_of[sha256] for name, sha256 in seen.items()}

    def _path(self, reference: str) -> Path:
        return self.folder / Path(reference).expanduser()

    def _looked(self, reference: str) -> Sight:
        path = self._path(reference)
        try:
            found = path.stat()
            if not S_ISREG(found.st_mode):
                return NotAPicture(f"{path} is no regular file; name a PNG, JPEG or WebP file")
            if found.st_size >= _LARGEST:
                return NotAPicture("50 MB or more; save it smaller or as JPEG")
            return look(path.read_bytes())
        except FileNotFoundError:
            return NotAPicture(f"there is no file {path}; paths lead on from the list's own folder")
        except (OSError, ValueError) as error:
            return NotAPicture(f"the file {path} cannot be read ({error}); check it and its rights")
