"""Which parts of the rules their tests exercise."""
