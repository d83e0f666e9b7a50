class SourceError(Exception):
    """A file or stream that cannot be read, or not to its end. `str()` names it, says why, and how to mend it.

    What was read before the error keeps its value: a reader tells the error and goes on with the next file.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(path, reason)

    def __str__(self) -> str:
        return f"cannot read {self.path}: {self.reason}"
