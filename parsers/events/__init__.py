"""Lines to events: what happens to a batch once its rules are compiled."""
