"""What holds for every rule that ships; the rules' own tests say what each makes of its lines."""

from collections.abc import Iterator
from functools import cache

import polars as pl
import pytest
import regex

from parsers.ecs import load_field_types
from parsers.events.values.convert import choose_type
from parsers.explain.follow import follow_events
from parsers.explain.model import Taken
from parsers.load import check_rules
from parsers.model import Rule
from parsers.patterns.dialect import read_pattern
from parsers.patterns.engines import group_name, to_polars, to_regex
from parsers.patterns.fragments import FRAGMENTS
from parsers.patterns.tokens import ReadPattern
from parsers.ruleset import RuleSet, build_rule_set
from parsers.shipped import shipped_rules_directory
from parsers.testing.ruletest import build_line_frame, run_tests

# ECS 9.5, allowed values of event.category and event.type.
CATEGORIES = frozenset(
    {
        "api",
        "authentication",
        "configuration",
        "database",
        "driver",
        "email",
        "file",
        "host",
        "iam",
        "intrusion_detection",
        "library",
        "malware",
        "network",
        "package",
        "process",
        "registry",
        "session",
        "threat",
        "vulnerability",
        "web",
    }
)
TYPES = frozenset(
    {
        "access",
        "admin",
        "allowed",
        "change",
        "connection",
        "creation",
        "deletion",
        "denied",
        "device",
        "end",
        "error",
        "group",
        "indicator",
        "info",
        "installation",
        "protocol",
        "start",
        "user",
    }
)
# What a type becomes in a document.
FAMILIES = {"duration": "long", "bytes": "long", "hex": "long", "list": "keyword"}
SOURCES = frozenset(
    {
        "apache_access",
        "apache_error",
        "cron",
        "java_log",
        "json_log",
        "kernel",
        "logfmt_log",
        "nginx_access",
        "nginx_error",
        "postgresql_log",
        "python_log",
        "python_traceback",
        "sshd",
        "sudo",
        "syslog",
        "systemd",
    }
)


@cache
def load_shipped() -> RuleSet:
    rules, problems = check_rules(shipped_rules_directory())

    assert problems == ()

    return build_rule_set(rules)


def list_shipped() -> list[Rule]:
    return list(load_shipped().rules)


def read_patterns(rule: Rule) -> list[ReadPattern]:
    return [read_pattern(pattern.text, {**FRAGMENTS, **rule.fragments}) for pattern in rule.patterns]


def list_names(rule: Rule) -> Iterator[str]:
    for pattern, read in zip(rule.patterns, read_patterns(rule), strict=True):
        yield from read.names
        yield from pattern.set
    yield from rule.set
    yield from rule.rename.values()
    yield from (item.target for item in rule.map)
    if rule.multiline is not None:
        yield rule.multiline.field


def list_fields(rule: Rule) -> set[str]:
    """The names that reach a document: neither scratch nor the text of the time."""
    time = {rule.timestamp.field} if rule.timestamp and "." not in rule.timestamp.field else set()
    return {name for name in list_names(rule) if not name.startswith("_")} - time


@cache
def follow_tests() -> dict[str, list[Taken]]:
    """What each rule read and took of all test lines, its own and others'."""
    tests = [test for rule in list_shipped() for test in rule.tests]
    taken: dict[str, list[Taken]] = {}
    for chain in follow_events(load_shipped(), build_line_frame(tests)):
        for step in chain:
            taken.setdefault(step.rule, []).append(step)
    return taken


def find_objects(names: set[str]) -> set[str]:
    """Every name of which another name is a part: `a` and `a.b` for `a.b.c`."""
    return {name[:at] for name in names for at, character in enumerate(name) if character == "."}


def list_rules_with_patterns() -> list[Rule]:
    return [rule for rule in list_shipped() if rule.patterns]


def test_the_promised_sources_are_there() -> None:
    assert {rule.name for rule in list_shipped()} >= SOURCES


def test_every_test_in_the_rules_passes() -> None:
    results = run_tests(load_shipped())
    failed = [result for result in results if not result.passed]

    assert len(results) > 300
    assert failed == []


def test_every_rule_shows_a_line_that_is_its_own_and_one_that_is_not() -> None:
    """A rule that only opens the way for others shows theirs."""
    parents = {parent for rule in list_shipped() for parent in rule.after}
    for rule in list_shipped():
        kinds = {test.expect is None for test in rule.tests}

        assert True in kinds, rule.name
        assert False in kinds or rule.name in parents, rule.name


def test_every_pattern_takes_some_test_line() -> None:
    unused = [
        str(pattern.location)
        for rule in list_rules_with_patterns()
        for number, pattern in enumerate(rule.patterns, start=1)
        if not any(step.pattern == number for step in follow_tests().get(rule.name, ()))
    ]
    assert unused == []


@pytest.mark.parametrize("rule", list_rules_with_patterns(), ids=lambda rule: rule.name)
def test_both_engines_take_the_same_captures(rule: Rule) -> None:
    texts = pl.Series([step.text for step in follow_tests().get(rule.name, ())], dtype=pl.String)
    for pattern, read in zip(rule.patterns, read_patterns(rule), strict=True):
        names = [group_name(number) for number in range(len(read.names))]
        linear = to_polars(read)
        assert linear is not None, f"{pattern.location}: look-around and back-references are slow"
        columns = texts.str.extract_groups(linear).struct.unnest()
        backtracking = regex.compile(to_regex(read), regex.ASCII | regex.VERSION0)

        for row, text in enumerate(texts):
            found = backtracking.search(text)

            assert [columns[name][row] for name in names] == [found and found[name] for name in names]


def test_patterns_hold_the_whole_line() -> None:
    for rule in list_shipped():
        # A rule that reads on may look for a word in a message that another rule took whole.
        for pattern in rule.patterns if not rule.after else ():
            assert pattern.text.startswith("^"), pattern.location
            assert pattern.text.endswith("$"), pattern.location


def test_fields_are_of_ecs_or_stand_under_a_programs_name() -> None:
    """Programs' own fields stand under the program's name, as in Elastic's integrations, never below ECS's objects."""
    known = load_field_types()
    tops = {name.split(".")[0] for name in known if "." in name}
    strangers = {
        (rule.name, name)
        for rule in list_shipped()
        for name in list_fields(rule)
        if name not in known and ("." not in name or name.split(".")[0] in tops - {"labels"})
        if known.get(name.rpartition(".")[0]) != "object"
    }

    assert strangers == set()


def test_no_field_is_both_a_value_and_an_object() -> None:
    ours = {name for rule in list_shipped() for name in list_fields(rule)}
    known = load_field_types()
    values = {name for name, kind in known.items() if kind not in ("object", "nested", "flattened")} | ours

    assert find_objects(ours) & values == set()
    assert find_objects({name for name in known if name.rpartition(".")[0] not in known}) & ours == set()


def test_a_field_has_one_type_in_all_rules() -> None:
    types: dict[str, set[str]] = {}
    for rule in list_shipped():
        declared: dict[str, str] = dict(rule.types)
        for read in read_patterns(rule):
            declared.update(read.types)
        for name in list_fields(rule):
            kind = choose_type(name, declared)
            types.setdefault(name, set()).add(FAMILIES.get(kind.partition("_")[0], kind))

    assert {name: kinds for name, kinds in types.items() if len(kinds) > 1} == {}


def test_categories_and_types_are_those_that_ecs_allows() -> None:
    for rule in list_shipped():
        for fixed in (rule.set, *(pattern.set for pattern in rule.patterns)):
            categories = fixed.get("event.category", [])
            types = fixed.get("event.type", [])

            assert isinstance(categories, list)
            assert isinstance(types, list)
            assert CATEGORIES.issuperset(map(str, categories)), rule.name
            assert TYPES.issuperset(map(str, types)), rule.name
