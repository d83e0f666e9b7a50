"""Patterns of rules: read once, written for each engine, chosen by scan, captured by column."""
