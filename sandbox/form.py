"""The fields of a request read one by one, and OpenAI's words for each way of being wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.errors import ApiError, unsupported_value


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a request, read one by one; null counts as absent."""

    fields: Mapping[str, Any]

    def refuse_unknown(self, known: frozenset[str]) -> None:
        """Refuse a field that the API does not have."""
        for name in self.fields:
            if name not in known:
                raise ApiError(
                    400,
                    f"Unknown parameter: '{name}'.",
                    param=name,
                    code="unknown_parameter",
                )

    def has(self, name: str) -> bool:
        """Whether the field is given."""
        return self.fields.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """The field as a string."""
        value = self.fields.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise _wrong_type(name, "a string", value)
        return value

    def word(self, name: str, words: tuple[str, ...], default: str) -> str:
        """The field as one word of a closed vocabulary."""
        value = self.text(name, default)
        if value not in words:
            raise unsupported_value(name, value, words)
        return value

    def number(self, name: str, least: int, most: int, *, default: int) -> int:
        """The field as an integer within bounds, both included."""
        value = self.fields.get(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong_type(name, "an integer", value)
        if value > most:
            raise _out_of_range(
                name, "above maximum", f"<= {most}", value, "integer_above_max_value"
            )
        if value < least:
            raise _out_of_range(
                name, "below minimum", f">= {least}", value, "integer_below_min_value"
            )
        return value


def refuse_longer(name: str, value: str, most: int) -> None:
    """Refuse a string of more characters than that."""
    if len(value) > most:
        raise ApiError(
            400,
            f"Invalid '{name}': string too long. Expected a string with maximum length {most}, "
            f"but got a string with length {len(value)} instead.",
            param=name,
            code="string_above_max_length",
        )


def _wrong_type(name: str, expected: str, value: object) -> ApiError:
    got = {str: "a string", bool: "a boolean", int: "an integer", float: "a decimal number"}
    return ApiError(
        400,
        f"Invalid type for '{name}': expected {expected}, but got "
        f"{got.get(type(value), 'an object')} instead.",
        param=name,
        code="invalid_type",
    )


def _out_of_range(name: str, where: str, bound: str, value: int, code: str) -> ApiError:
    return ApiError(
        400,
        f"Invalid '{name}': integer {where} value. Expected a value {bound}, but got {value} "
        "instead.",
        param=name,
        code=code,
    )
