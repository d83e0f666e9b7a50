"""The tests that stand in rules: run, reported, updated, and chosen by what a change can affect."""
