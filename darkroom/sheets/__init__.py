"""Turns any input file into rows with line and column, and fills in prompt templates from them."""

from darkroom.sheets.detect import Format, detect
from darkroom.sheets.read import format_of, read
from darkroom.sheets.row import Row
from darkroom.sheets.template import Template

__all__ = ["Format", "Row", "Template", "detect", "format_of", "read"]
