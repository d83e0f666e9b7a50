"""Structured bodies: JSON, logfmt, pairs, CSV, CEF, LEEF and Windows' event XML to columns."""
