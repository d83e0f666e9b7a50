"""What is wrong with a rule file: where it is, what it is, and how to mend it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from parsers.model import Location

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. An error keeps the rules from loading, a warning does not.

    `str()` gives one line: `rules/x.yml:3:7: error: unknown key 'patern'; did you mean 'patterns'?`
    """

    location: Location
    message: str
    hint: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        mend = f"; {self.hint}" if self.hint else ""
        return f"{self.location}: {self.severity}: {self.message}{mend}"


class RuleError(Exception):
    """The rules cannot be used. `problems` holds all that was found; `str()` renders one a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type["RuleError"], tuple[tuple[Problem, ...]]]:
        return RuleError, (self.problems,)


def is_error(problem: Problem) -> bool:
    """True for a problem that keeps the rules from loading, false for a warning."""
    return problem.severity == "error"
