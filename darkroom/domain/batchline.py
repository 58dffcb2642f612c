"""What a row holds: that of an OpenAI batch line inside its body, and what only such lines can get wrong."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from darkroom.domain.problem import Problem
from darkroom.domain.reference import COLUMNS, Edit, read_edit
from darkroom.domain.request import ALIASES, IDLE, PARAMETERS, REFUSED, Endpoint, blank


def flattened(cells: Mapping[str, object]) -> Mapping[str, object]:
    """The cells of a row, an OpenAI batch line's body lifted beside its custom_id.

    >>> flattened({"custom_id": "a", "url": "/v1/images/generations", "body": {"prompt": "x"}})["prompt"]
    'x'
    """
    body = _batch_body(cells)
    if body is None:
        return cells
    return {**{name: cells[name] for name in cells if name != "body"}, **body}


def edit_in(cells: Mapping[str, object]) -> Edit | None:
    """The pictures that a row names; None if it names none, or not in a way that can be read.

    >>> edit_in({"prompt": "on a beach", "image": "shoe.png"}).images
    ('shoe.png',)
    """
    row = flattened(cells)
    edit = read_edit({name: row[name] for name in COLUMNS if not blank(row.get(name))})
    return edit if isinstance(edit, Edit) else None


def _batch_body(cells: Mapping[str, object]) -> Mapping[str, object] | None:
    body = cells.get("body") if "url" in cells else None
    return body if isinstance(body, Mapping) else None


def refused(row: Mapping[str, object], taken: frozenset[str]) -> list[Problem]:
    """The parameters of a row that guides name and that are not sent."""
    if REFUSED.keys().isdisjoint(row) or "prompt" not in row:
        return []
    return [
        Problem("parameter_refused", fix, column=name, value=str(row[name]))
        for name, fix in REFUSED.items()
        if name not in taken and not blank(row.get(name)) and not _is_idle(name, row[name])
    ]


def _is_idle(name: str, value: object) -> bool:
    """Whether a parameter asks for nothing, as SDKs write it that say everything.

    >>> _is_idle("stream", False), _is_idle("partial_images", 0), _is_idle("seed", 0)
    (True, True, False)
    """
    return str(value).strip().lower() in IDLE.get(name, ())


def endpoint_problems(cells: Mapping[str, Any], endpoint: str | None) -> list[Problem]:
    """What a line of a batch for one endpoint lacks, or has of another."""
    if endpoint is None:
        return []
    if _batch_body(cells) is None:
        message = "each line needs custom_id, method, url and body, as OpenAI's batches have them"
        return [Problem("missing_required_parameter", message, column="body")]
    if cells["url"] == endpoint:
        return []
    message = f"is not the endpoint of this batch; write {endpoint}"
    return [Problem("mismatched_url", message, column="url", value=str(cells["url"]))]


def line_problems(cells: Mapping[str, Any], taken: frozenset[str]) -> list[Problem]:
    """What only an OpenAI batch line can get wrong: its method, its url, a parameter nobody knows."""
    body = _batch_body(cells)
    if body is None:
        return []
    problems = []
    if cells["url"] not in list(Endpoint):
        message = f"is not an endpoint we serve; use {', '.join(Endpoint)}"
        problems.append(Problem("url_not_allowed", message, column="url", value=str(cells["url"])))
    else:
        problems += _url_problems(Endpoint(cells["url"]), body)
    if cells.get("method", "POST") != "POST":
        message = "must be POST"
        problems.append(
            Problem("method_not_allowed", message, column="method", value=str(cells["method"]))
        )
    known = {*PARAMETERS, *COLUMNS, *ALIASES, *REFUSED, *taken}
    for name in sorted(body.keys() - known):
        close = get_close_matches(name, (*PARAMETERS, *COLUMNS), n=1)
        message = f"is not a parameter; {f'did you mean `{close[0]}`?' if close else 'drop it'}"
        problems.append(Problem("parameter_unknown", message, column=name, value=str(body[name])))
    return problems


def _url_problems(endpoint: Endpoint, body: Mapping[str, Any]) -> list[Problem]:
    """Where the endpoint and the pictures in its body do not go together."""
    is_edit = any(not blank(body.get(name)) for name in COLUMNS)
    if is_edit == (endpoint is Endpoint.EDITS):
        return []
    message = f"has pictures in its body; they go with {Endpoint.EDITS.value}"
    if not is_edit:
        message = "needs `images` in its body: what shall be edited?"
    return [Problem("url_not_allowed", message, column="url", value=endpoint.value)]
