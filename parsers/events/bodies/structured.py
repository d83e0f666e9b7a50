"""Structured bodies: texts that say themselves what their parts are called. One reader a format.

A key that a rule names comes out as a column of texts, which get their types like any captured text. What is
left is JSON text again, so that a value looks the same whatever the other lines of the batch hold: `1` stays
a number and `"1"` a text, and no digit of a long number is lost.
"""

from parsers.events.bodies.structured_bodies import BEYOND, Bodies, BodyReader
from parsers.events.bodies.structured_cef import read_cef_bodies, read_leef_bodies
from parsers.events.bodies.structured_csv import build_csv_pattern, read_csv_bodies
from parsers.events.bodies.structured_json import read_json_bodies
from parsers.events.bodies.structured_keyvalue import build_keyvalue_pattern, read_keyvalue_bodies
from parsers.events.bodies.structured_logfmt import read_logfmt_bodies
from parsers.events.bodies.structured_windows_xml import read_windows_xml_bodies

__all__ = [
    "BEYOND",
    "Bodies",
    "BodyReader",
    "build_csv_pattern",
    "build_keyvalue_pattern",
    "read_cef_bodies",
    "read_csv_bodies",
    "read_json_bodies",
    "read_keyvalue_bodies",
    "read_leef_bodies",
    "read_logfmt_bodies",
    "read_windows_xml_bodies",
]
