"""A batch to be, as the form on the first page has it: looked at before anything is spent."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from io import BytesIO
from pathlib import Path, PurePath
from tempfile import NamedTemporaryFile
from typing import Any
from uuid import UUID

from starlette.datastructures import FormData, UploadFile

from api import submission
from api.instruments import Instruments
from api.names import file_key
from api.refusals import Invalid, Missing
from api.submission import Submission
from darkroom.domain.ids import FILE, shown
from darkroom.domain.request import unstorable
from darkroom.sheets.lint import Look, Verdict, lint
from darkroom.store import files
from darkroom.store.files import File

OFFERED = ("model", "size", "quality", "output_format", "n")
"""The parameters that the form has fields for."""

PASTED = "pasted"
"""What a list is called that was not handed in as a file; no suffix, so that its content tells its format."""

NAME_LENGTH = 200
MOST = Decimal(10) ** 8


@dataclass(frozen=True, slots=True)
class Order:
    """What the form holds; `upload` is a file that has just been handed in, `file_id` one that was before."""

    prompts: str = ""
    upload: UploadFile | None = None
    file_id: UUID | None = None
    name: str = ""
    template: str = ""
    budget: str = ""
    nonce: str = ""
    skip_bad_rows: bool = False
    defaults: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, form: FormData) -> "Order":
        """The order in a form.

        Raises:
            Missing: It names a file that cannot be.
        """

        def text(name: str) -> str:
            value = form.get(name)
            return value.strip() if isinstance(value, str) else ""

        upload = form.get("file")
        handed_in = isinstance(upload, UploadFile) and bool(upload.filename)
        file_id = text("file_id")
        return cls(
            prompts=text("prompts"),
            upload=upload if handed_in and isinstance(upload, UploadFile) else None,
            file_id=file_key(file_id) if file_id else None,
            name=text("name")[:NAME_LENGTH],
            template=text("template"),
            budget=text("budget"),
            nonce=text("nonce")[:NAME_LENGTH],
            skip_bad_rows=bool(text("skip_bad_rows")),
            defaults={name: value for name in OFFERED if (value := text(name))},
        )

    @property
    def cap(self) -> Decimal | None:
        """The budget in US dollars.

        Raises:
            Invalid: It is no amount.

        >>> Order(budget="$12.50").cap, Order().cap
        (Decimal('12.500000000'), None)
        """
        return dollars(self.budget)

    def submission(self) -> Submission:
        """The same in the words of the verb. Raises Invalid."""
        return Submission(
            name=self.name or None,
            defaults=self.defaults,
            template=self.template or None,
            skip_bad_rows=self.skip_bad_rows,
            budget=self.cap,
            fingerprint=f"page:{self.nonce}" if self.nonce else None,
        )


def dollars(text: str) -> Decimal | None:
    """An amount from a field; None where it is empty.

    Raises:
        Invalid: It is no amount.
    """
    if not text.strip():
        return None
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or not 0 < amount < MOST:
        raise Invalid.field(
            "budget", "not_an_amount", "must be an amount in US dollars such as 12.50"
        )
    return amount.quantize(Decimal("0.000000001"))


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at an order found, and where its list is kept if it came as a file."""

    filename: str
    file_id: UUID | None
    verdict: Verdict
    amiss: tuple[str, ...]
    """What is wrong with the fields beside the list."""
    skips: bool
    """Whether bad rows are to be left out."""

    @property
    def good(self) -> bool:
        """Whether it can be ordered as it is."""
        return not self.verdict.refused and bool(self.verdict.good_rows) and not self.amiss


def check(tools: Instruments, project_id: str, order: Order) -> Checked | None:
    """Looks at all of an order's rows as ingest will; None where there is no list yet.

    Raises:
        Missing: The project has no such file.
    """
    file = _file(tools, project_id, order)
    if file is None and not order.prompts:
        return None
    name = file.filename if file else PASTED
    with _bytes_of(tools, file, order) as path:
        verdict = lint(
            Look(
                path,
                name,
                order.defaults,
                order.template or None,
                judge=tools.lookout.judge,
            ),
            tools.models_of(project_id),
        )
    return Checked(name, file.id if file else None, verdict, _amiss(order), order.skip_bad_rows)


def place(tools: Instruments, project_id: str, order: Order) -> UUID:
    """Makes a batch of an order; the same order twice is one batch.

    Raises:
        Invalid: Something in it is of no use, or there is no list.
        Missing: The project has no such file.
    """
    wanted = order.submission()
    file = _file(tools, project_id, order)
    if file is None:
        file = _pasted(tools, project_id, order)
    elif wanted.name is None:
        wanted = replace(wanted, name=file.filename)
    return submission.submit(tools, project_id, file.id, wanted).id


def _file(tools: Instruments, project_id: str, order: Order) -> File | None:
    """The list that came as a file, now or before."""
    if order.upload is not None:
        name = PurePath(order.upload.filename or "upload").name[-NAME_LENGTH:]
        return _kept(tools, project_id, order.upload.file, name)
    if order.file_id is None:
        return None
    with tools.transaction() as connection:
        file = files.get(connection, order.file_id, project_id)
    if file is None:
        raise Missing("file", shown(FILE, order.file_id))
    return file


def _pasted(tools: Instruments, project_id: str, order: Order) -> File:
    if not order.prompts:
        raise Invalid.field("prompts", "missing", "paste prompts, or choose a file")
    if unstorable(order.prompts):
        raise Invalid.field("prompts", "not_text", "has a NUL or half a surrogate pair in it")
    return _kept(tools, project_id, BytesIO(order.prompts.encode()), PASTED)


def _kept(tools: Instruments, project_id: str, data: Any, name: str) -> File:
    file = submission.keep_upload(tools.blobs, project_id, data, name, files.BATCH)
    with tools.transaction() as connection:
        return submission.record(connection, file)


def _bytes_of(tools: Instruments, file: File | None, order: Order) -> AbstractContextManager[Path]:
    return tools.blobs.local(file.sha256) if file else _spooled(order.prompts)


@contextmanager
def _spooled(text: str) -> Iterator[Path]:
    with NamedTemporaryFile(prefix="darkroom-") as spool:
        spool.write(text.encode("utf-8", "surrogatepass"))
        spool.flush()
        yield Path(spool.name)


def _amiss(order: Order) -> tuple[str, ...]:
    try:
        order.submission().options(datetime.now(UTC))
    except Invalid as error:
        return tuple(_said(fault.column, fault.detail) for fault in error.faults)
    return ()


def _said(column: str | None, detail: str) -> str:
    return f"{column}: {detail}" if column else detail
