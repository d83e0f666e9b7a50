"""The times of events, and the zones they are read in."""
