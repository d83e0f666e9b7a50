"""A value that must not be seen: passwords and keys."""

from typing import final


@final
class Secret:
    """Holds a secret string; `reveal()` gives it to the one place that needs it.

    `str()`, `repr()` and formatting give `***`, so that a secret in a log line, a traceback or a printed
    dataclass shows nothing. Two secrets are equal when their values are.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"

    def __format__(self, specification: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._value))
