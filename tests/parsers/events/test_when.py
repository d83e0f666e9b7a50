import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.errors import RuleError
from parsers.events.when import Router
from parsers.load import parse_rules
from parsers.model import Condition, When
from parsers.ruleset import build_rule_set

FRAME = pl.DataFrame(
    {
        "host.name": ["web-1", "db-2", None, "web-1"],
        "log.file.path": ["/var/log/a.log", "/var/log/a.log", "/srv/b.log", "/srv/b.log"],
    }
)


def find(*whens: dict[str, str | tuple[str, ...]]) -> list[int] | None:
    when: When = tuple(
        tuple(
            Condition(field, (globs,) if isinstance(globs, str) else globs) for field, globs in every.items()
        )
        for every in whens
    )
    allowed = Router(FRAME).find_allowed(when)
    rows = Router(FRAME).find_rows(when, np.array([True, True, True, False]))
    if allowed is not None:
        assert list(rows) == [row for row in np.flatnonzero(allowed) if row != 3]
    return None if allowed is None else list(np.flatnonzero(allowed))


def test_all_conditions_of_one_mapping_must_hold() -> None:
    assert find({"host.name": "web-*", "log.file.path": "/srv/*"}) == [3]
    assert find({"host.name": ("db-?", "web-[1-3]")}) == [0, 1, 3]


def test_one_of_several_mappings_is_enough() -> None:
    assert find({"host.name": "db-2"}, {"log.file.path": "/srv/b.log"}) == [1, 2, 3]
    assert find({"host.name": "nobody"}, {"agent.name": "x"}) == []


def test_a_missing_field_does_not_match_and_no_condition_always_does() -> None:
    assert find({"host.name": "*"}) == [0, 1, 3]
    assert find({"agent.name": "*"}) == []
    assert find() is None


few = st.sampled_from(["a", "b", "ab", "", None])
many = st.sampled_from([None, *(f"{first}{second}" for first in "abc" for second in "abcde")])
values = st.lists(few, min_size=1, max_size=12) | st.lists(many, min_size=12, max_size=40)
globs = st.lists(st.sampled_from(["a", "b", "ab", "?", "a*", "*", "[ab]", "x"]), min_size=1, max_size=3)


@given(st.tuples(values, globs, globs))
def test_a_router_agrees_with_one_condition_after_the_other(
    drawn: tuple[list[str | None], list[str], list[str]],
) -> None:
    import fnmatch

    column, first, second = drawn
    frame = pl.DataFrame({"f": pl.Series(column, dtype=pl.String)})
    when = ((Condition("f", tuple(first)),), (Condition("f", tuple(second)),))
    expected = [
        value is not None and any(fnmatch.fnmatchcase(value, glob) for glob in (*first, *second))
        for value in column
    ]

    allowed = Router(frame).find_allowed(when)

    assert allowed is not None
    assert list(allowed) == expected


RULES = """
name: depot
when:
  - {process.name: pump, host.name: d-*}
  - {log.file.path: '*/pump.log'}
patterns: ['^(?P<message>.*)$']
"""


def test_a_rule_takes_lines_for_which_one_of_its_mappings_holds() -> None:
    rules = build_rule_set(parse_rules(RULES))
    lines = pl.DataFrame(
        {
            "event.original": ["a", "b", "c"],
            "process.name": ["pump", "pump", "x"],
            "host.name": ["d-1", "e-1", "e-1"],
            "log.file.path": ["/x", "/x", "/v/pump.log"],
        }
    )

    assert list(rules.choose_lines(lines["event.original"], lines)) == [0, -1, 0]


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("[]", "a.yml:2:7: error: 'when' is an empty list"),
        ("[{}]", "a.yml:2:8: error: 'when' is empty"),
        ("[x]", "a.yml:2:8: error: 'when' must be a mapping of keys"),
        ("[{host.name: '['}]", "a.yml:2:20: error: the glob '[' has a [ without its ]"),
    ],
)
def test_mistakes_are_told_with_their_place(when: str, words: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse_rules(f"name: a\nwhen: {when}\npatterns: [x]\n", "a.yml")

    assert words in str(caught.value)
