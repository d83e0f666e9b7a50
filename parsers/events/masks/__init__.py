"""Takes what must not be shown out of events, before and after they are parsed."""
