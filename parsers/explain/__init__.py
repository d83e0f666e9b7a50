"""Why a line parses or does not: which patterns were tried, how far each got, where each field came from."""
