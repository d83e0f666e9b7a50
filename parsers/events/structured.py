"""Structured bodies: lines that are a JSON object, or `key=value` pairs (logfmt).

A key that a rule names comes out as a column of texts, which get their types like any captured text. What is
left is JSON text again, so that a value looks the same whatever the other lines of the batch hold: `1` stays
a number and `"1"` a text, and no digit of a long number is lost.
"""

from parsers.events.structured_json import read_json_bodies
from parsers.events.structured_logfmt import read_logfmt_bodies

__all__ = ["read_json_bodies", "read_logfmt_bodies"]
