"""New rules for a running process: watched, judged aside, and put in force whole, between two batches."""
