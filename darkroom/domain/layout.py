"""Where images go below a directory: `{sku}/{variant}.{ext}` and its like, checked before a byte is written."""

import re
from dataclasses import dataclass
from typing import Self

from darkroom.domain.naming import Names, numbered, plain, stem, tamed

FIELDS = ("custom_id", "sku", "variant", "line", "index")
"""What a name can be made of; `{index}` counts a job's images from 1."""

ENDING = ".{ext}"
USUAL = "{custom_id}.{ext}"
_NAMING = frozenset({"custom_id", "sku", "line"})
_FIELD = re.compile(r"\{([a-z_]*)\}")
_NO_VARIANT = "image"


class LayoutInvalid(ValueError):  # noqa: N818 - named for what it is
    """It is no layout; the message says why and what to write."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A path below a directory, with fields in braces and the extension last."""

    source: str
    parts: tuple[str, ...]

    @classmethod
    def parse(cls, source: str) -> Self:
        """The layout that a text describes.

        Raises:
            LayoutInvalid: it could name no file, leave the directory, or name all images alike.

        >>> Layout.parse("{sku}/{variant}.{ext}").parts
        ('{sku}', '{variant}')
        >>> Layout.parse("../{sku}.{ext}")
        Traceback (most recent call last):
        darkroom.domain.layout.LayoutInvalid: '..' is no name of a directory or file
        """
        if not source.endswith(ENDING):
            raise LayoutInvalid(f"it must end in {ENDING}, such as {{sku}}/{{variant}}{ENDING}")
        parts = tuple(source.removesuffix(ENDING).split("/"))
        for part in parts:
            _require(part)
        if _NAMING.isdisjoint(_FIELD.findall(source)):
            raise LayoutInvalid("it names all images alike; put {custom_id} or {sku} into it")
        return cls(source, parts)

    @property
    def numbers(self) -> bool:
        """Whether it says itself which of a job's images it is."""
        return "{index}" in self.source

    def claim(self, names: Names, custom_id: str, line: int, images: int) -> tuple[str, ...]:
        """The paths of a job's images, their extensions left out, none of them another job's.

        >>> Layout.parse("{sku}.{ext}").claim(Names(), "cat/a", 1, 2)
        ('cat-1', 'cat-2')
        """
        if self.numbers:
            stems = [self.stem(custom_id, line, index) for index in range(1, images + 1)]
            return names.take(lambda mark: tuple(f"{one}{mark}" for one in stems))
        name = self.stem(custom_id, line, 1)
        return names.take(lambda mark: numbered(f"{name}{mark}", images))

    def stem(self, custom_id: str, line: int, index: int) -> str:
        """The path of an image, its extension left out; each value is made safe on its own.

        >>> shop = Layout.parse("{sku}/{variant}.{ext}")
        >>> shop.stem("shoe/red/front-oak", 1, 1), shop.stem("../x", 1, 1), shop.stem("cat", 1, 1)
        ('shoe%2Fred/front-oak', '%2E%2E/x', 'cat/image')
        """
        sku, slash, variant = custom_id.rpartition("/")
        values = {
            "custom_id": stem(custom_id),
            "sku": stem(sku if slash else custom_id),
            "variant": stem(variant if slash and variant else _NO_VARIANT),
            "line": str(line),
            "index": str(index),
        }
        filled = (_FIELD.sub(lambda found: values[found[1]], part) for part in self.parts)
        return "/".join(map(tamed, filled))


def _require(part: str) -> None:
    for name in _FIELD.findall(part):
        if name not in FIELDS:
            known = ", ".join(f"{{{one}}}" for one in FIELDS)
            raise LayoutInvalid(f"{{{name}}} is no field; use {known}")
    literal = _FIELD.sub("", part)
    strange = sorted({char for char in literal if not plain(char)})
    if strange:
        raise LayoutInvalid(
            f"{strange[0]!r} cannot be in a file name on every system; leave it out"
        )
    if not part.strip(". ") or part[0] in ". " or part[-1] in ". " or tamed(part) != part:
        raise LayoutInvalid(f"{part!r} is no name of a directory or file")
