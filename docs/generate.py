"""The reference, written from the code: `make docs` after a change of what users see."""

import contextlib
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

os.environ["COLUMNS"] = "100"

from pydantic import SecretStr
from typer.main import get_command

from api.app import build
from darkroom.cli.caller import NAME
from darkroom.cli.main import build_app
from darkroom.settings import Settings

FOLDER = Path(__file__).parent / "reference"
METHODS = ("get", "post", "put", "patch", "delete")
_FIRST = "Written by `make docs` from the code; a test compares them."


def pages() -> Mapping[str, str]:
    """Every page of the reference by its file's name."""
    return {"commands.md": commands(), "settings.md": settings(), "http.md": routes()}


def commands() -> str:
    """What each command says about itself."""
    sections = (f"## {title}\n\n```text\n{text}\n```\n" for title, text in _helps())
    return "\n".join((f"# Commands\n\n{_FIRST}\n", *sections))


def _helps() -> Iterator[tuple[str, str]]:
    yield NAME, _help([])
    for path in _paths(get_command(build_app()), []):
        yield " ".join((NAME, *path)), _help(path)


def _paths(command: Any, path: list[str]) -> Iterator[list[str]]:
    for name, one in sorted(getattr(command, "commands", {}).items()):
        if getattr(one, "commands", None):
            yield from _paths(one, [*path, name])
        else:
            yield [*path, name]


def _help(path: list[str]) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        build_app()([*path, "--help"], prog_name=NAME, standalone_mode=False)
    return "\n".join(line.rstrip() for line in said.getvalue().strip().splitlines())


def settings() -> str:
    """Every setting of the environment and the top of `darkroom.toml`."""
    rows = "\n".join(_setting(name, field) for name, field in Settings.model_fields.items())
    head = "| variable | key of darkroom.toml | default | what it sets |\n|---|---|---|---|"
    tables = "[Configuration](../configuration.md) explains them and the tables of the file."
    return f"# Settings\n\n{_FIRST} {tables}\n\n{head}\n{rows}\n"


def _setting(name: str, field: Any) -> str:
    alias = field.validation_alias
    variable = alias.choices[0] if alias else f"DARKROOM_{name.upper()}"
    is_table = isinstance(field.default, dict)
    shown = "" if is_table or field.default is None else f"`{_value(field.default)}`"
    return f"| {'' if is_table else f'`{variable}`'} | `{name}` | {shown} | {field.description} |"


def _value(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def routes() -> str:
    """Every route of both dialects, as the OpenAPI document has it."""
    nowhere = Settings(database_url="postgresql://nowhere", openai_api_key=SecretStr("none"))
    document = build(nowhere).openapi()
    rows = "\n".join(
        _route(method.upper(), path, methods[method])
        for path, methods in sorted(document["paths"].items())
        for method in METHODS
        if method in methods
    )
    head = "| route | what it does | answers |\n|---|---|---|"
    about = (
        "The document itself is at `/openapi.json` and, to be read and tried, at `/docs` of a running"
        " stack. Errors are RFC 9457 problems under `/api/v1`, and in OpenAI's envelope under `/v1`."
        " Every list under `/api/v1` takes `limit` and `after` and answers with `data`, `has_more` and"
        " `next`, which is the `after` of what follows; those under `/v1` are OpenAI's."
    )
    return f"# HTTP\n\n{_FIRST} {about}\n\n{head}\n{rows}\n"


def _route(method: str, path: str, operation: Mapping[str, Any]) -> str:
    answers = " ".join(sorted(operation["responses"]))
    return f"| `{method} {path}` | {operation.get('summary', '')} | {answers} |"


def main() -> None:
    """Writes every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
