"""Texts of strangers where people read them: they steer no terminal and turn no text around them."""

import re

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What moves a cursor, and what sets the direction of all that follows it on the line."""


def harmless(text: str) -> str:
    r"""A text without what steers: names and messages come from files.

    >>> harmless("red\x1b[2J shoe"), harmless("mug\u202egpj.exe")
    ('red�[2J shoe', 'mug�gpj.exe')
    """
    return _STEERING.sub("�", text)
