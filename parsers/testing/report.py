"""A failed test in words."""

from parsers.escape import escape
from parsers.model import Location
from parsers.testing.ruletest import TestResult


def describe_failure(result: TestResult) -> str:
    """A failed test for people: where it stands, the line, what differs, and which rule took the line."""
    lines = [describe_place(result.location, "rule", result.rule, result.test.name)]
    lines += [f"    | {escape(line)}" for line in result.test.line.removesuffix("\n").split("\n")]
    if result.test.expect is None:
        lines.append(f"    expected no match, but '{result.rule}' took the line")
    elif result.taken_by is None:
        lines.append("    no rule took the line")
    elif result.taken_by != result.rule:
        lines.append(f"    the line was taken by '{result.taken_by}' instead")
    else:
        lines += [f"    {escape(str(difference))}" for difference in result.differences]
    return "\n".join(lines)


def describe_place(location: Location, kind: str, rule: str, test: str) -> str:
    """The first line on a failed test: `rules/x.yml:6:5: failed: rule 'x', test 'wrong level'`."""
    return f"{location}: failed: {kind} '{rule}'" + (f", test '{escape(test)}'" if test else "")
