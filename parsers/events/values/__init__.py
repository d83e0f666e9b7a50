"""Captured texts to values: types, units, levels, and the parts of URLs, paths and user agents."""
