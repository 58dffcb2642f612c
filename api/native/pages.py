"""Pages: every list of this dialect is asked for by `limit` and `after`, and answered in the same envelope."""

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, Self, TypeVar

from pydantic import BaseModel, Field

from api.names import followed

Shown = TypeVar("Shown")


class PageQuery(BaseModel):
    """Where a page begins, and how long it is."""

    limit: Annotated[int, Field(ge=1, le=100)] = 100
    after: str | None = Field(None, description="The `next` of an earlier page.")


class LongPageQuery(PageQuery):
    """The same of a list of many small things."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class Page(BaseModel, Generic[Shown]):
    """Some of a list."""

    data: list[Shown]
    has_more: bool = False
    next: str | None = Field(
        None, description="Ask for what follows with it as `after`; null where nothing does."
    )

    @classmethod
    def of(cls, shown: Sequence[Shown], limit: int, place: Callable[[Shown], str]) -> Self:
        """The first so many of these, of which there is one more where the list goes on."""
        data, more = list(shown[:limit]), len(shown) > limit
        return cls(data=data, has_more=more, next=place(data[-1]) if more else None)

    @classmethod
    def cut(cls, shown: Sequence[Shown], asked: PageQuery, place: Callable[[Shown], str]) -> Self:
        """A page of a list that is short enough to be read as a whole.

        Raises:
            Invalid: Nothing stands at the place after which it is to begin.
        """
        begins = {place(one): number for number, one in enumerate(shown, 1)}
        start = 0 if asked.after is None else followed(begins.get(asked.after))
        return cls.of(shown[start:], asked.limit, place)
