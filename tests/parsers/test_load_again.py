"""Loading beside a rule set in force gives what loading anew gives, whatever was edited; only that is read."""

import os
import shutil
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.document import to_documents
from parsers.errors import RuleError
from parsers.load import check_loaded, check_rules, load_rule_set
from parsers.ruleset import RuleSet

APP = r"""
name: app
patterns: ['^app %{WORDS:user.name} (?P<message>.*)$']
fragments: {WORDS: '[a-z]+'}
tests: [{line: 'app ann hello', expect: {user.name: ann}}]
"""
JOB = r"""
name: job
after: app
patterns: ['^job (?P<process.pid>\d+) on (?P<host.name>\S+)$']
lookup: {table: hosts.csv, from: host.name, to: {team: labels.team}}
tests: [{line: 'app ann job 7 on web-1', expect: {process.pid: 7}}]
"""
WEB = r"""
name: web
patterns: ['^web (?P<message>.*)$', '^(?P<message>app bob .*)$']
multiline: {continuation: '^\s'}
tests: [{line: 'web x', expect: {message: x}}]
"""
TEAMS = "name: teams\nkind: lookup\ntable: enrich/teams.csv\nfrom: user.name\nto: {team: labels.owner}\n"
# What each file may be edited to; None: it is not there.
VARIANTS: dict[str, tuple[str | None, ...]] = {
    "app.yml": (
        APP,
        APP.replace("[a-z]+", "[a-z0-9]+"),  # a fragment
        APP.replace("user.name", "related.name"),  # what a child and a test ask for
        APP + "---" + WEB,  # a rule more, of a name that web.yml may have
        APP.replace("patterns", "paterns"),
        APP.replace("(?P<message>.*)", "(?P<message>.*"),
        APP + "status: [",
        "# nothing\n",
        None,
    ),
    "more/job.yaml": (
        JOB,
        JOB.replace("on (?P<host.name>", "at (?P<host.name>"),
        JOB.replace("after: app", "after: web"),
        JOB + "field: url.path\ntypes: {event.code: long}\n",  # warnings
        JOB.replace("team: labels.team", "group: labels.team"),
        JOB.replace("lookup:", "status: experimental\nlookup:"),
        None,
    ),
    "web.yml": (
        WEB,
        WEB.replace("name:", "priority: 5\nname:"),
        WEB.replace("continuation: '^\\s'", "continuation: '^(\\s'"),
        WEB.split("tests")[0],
        WEB.replace("name: web", "name: app"),
        None,
    ),
    "hosts.csv": (
        "host,team\nweb-1,shop\n",
        "host,team\nweb-1,desk\n",
        "host,team\na,b\na,c\n",
        "host\n",
        None,
    ),
    "enrich/teams.yml": (None, TEAMS, TEAMS.replace("labels.owner", "labels.team"), TEAMS + "when: 7\n"),
    "enrich/more.yml": (
        None,
        "name: related\nkind: related\n",
        "name: teams\nkind: related\n",
        "kind: related",
    ),
    "enrich/teams.csv": ("user,team\nann,blue\n", "user,team\nann,red\n", "user,team\nann,blue,1\n"),
}
LINES = [
    "app ann hello",
    "app ann job 7 on web-1",
    "app ann job 7 at web-1",
    "app bob 1",
    "app b0b x",
    "web x",
    "?",
]
EDITS = st.sampled_from(sorted(VARIANTS)).flatmap(
    lambda file: st.tuples(st.just(file), st.integers(0, len(VARIANTS[file]) - 1))
)


def write(directory: Path, file: str, variant: int) -> None:
    """Put a variant in place so that neither the file's size nor its time need tell that it changed."""
    path, text = directory / file, VARIANTS[file][variant]
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text)
        os.utime(path, ns=(0, 0))


def describe(directory: Path, earlier: RuleSet | None) -> tuple[object, RuleSet | None]:
    """All that a user sees of loading: rules, hash and documents, or every mistake."""
    checked = [str(problem) for problem in check_rules(directory, earlier)[1]]
    try:
        rules = load_rule_set(directory, earlier=earlier)
    except RuleError as error:
        return (checked, str(error)), None
    blocks = rules.parse(pl.DataFrame({"event.original": LINES, "_time": [0] * len(LINES)})).blocks
    documents = [(block.rule, to_documents(block.frame).to_list()) for block in blocks]
    tables = [[lookup.table and dict(lookup.table.rows) for lookup in rule.lookup] for rule in rules.rules]
    wrong = [str(problem) for problem in check_loaded(rules)]
    return (checked, rules.hash, repr(rules.rules), repr(rules.experimental), tables, documents, wrong), rules


@settings(max_examples=60)
@given(st.lists(EDITS, min_size=1, max_size=8))
def test_loading_beside_rules_in_force_is_loading_anew(edits: list[tuple[str, int]]) -> None:
    directory = Path(tempfile.mkdtemp())
    try:
        for file in VARIANTS:
            write(directory, file, 0)
        current = load_rule_set(directory)
        for file, variant in edits:
            write(directory, file, variant)
            beside, rules = describe(directory, current)
            anew, _ = describe(directory, None)
            assert beside == anew
            current = rules or current
    finally:
        shutil.rmtree(directory)


@pytest.mark.parametrize(
    ("file", "variant", "read"),
    [
        ("app.yml", 1, {"app.yml"}),
        ("web.yml", 1, {"web.yml"}),
        ("web.yml", 5, set()),
        ("hosts.csv", 1, {"job.yaml"}),
        ("enrich/teams.csv", 1, {"teams.yml"}),
        ("enrich/more.yml", 1, {"more.yml"}),
    ],
)
def test_only_what_changed_is_read(file: str, variant: int, read: set[str], tmp_path: Path) -> None:
    for name in VARIANTS:
        write(tmp_path, name, 0)
    write(tmp_path, "enrich/teams.yml", 1)
    before = load_rule_set(tmp_path)
    write(tmp_path, file, variant)
    after = load_rule_set(tmp_path, earlier=before)
    known = [*before.source.rules.values(), *before.source.enrichments.values()]
    now = {**after.source.rules, **after.source.enrichments}
    assert {path.name for path, found in now.items() if not any(found is one for one in known)} == read


def test_what_was_read_of_another_directory_is_not_taken(tmp_path: Path) -> None:
    for name in VARIANTS:
        write(tmp_path, name, 0)
    below = tmp_path / "more"
    (below / "web.yml").write_text(WEB)
    (below / "app.yml").write_text(APP)
    (below / "hosts.csv").write_text("host,team\nweb-1,other\n")
    (tmp_path / "app.yml").unlink()
    (tmp_path / "web.yml").unlink()
    current = load_rule_set(tmp_path)
    beside, _ = describe(below, current)
    assert beside == describe(below, None)[0]


def test_hidden_folders_hold_no_rules(tmp_path: Path) -> None:
    """A volume of Kubernetes keeps its files in a folder whose name begins with dots, and links to them."""
    (tmp_path / "..2026_07_01").mkdir()
    (tmp_path / "..2026_07_01" / "app.yml").write_text(APP)
    (tmp_path / "..data").symlink_to("..2026_07_01")
    (tmp_path / "app.yml").symlink_to("..data/app.yml")
    assert [rule.name for rule in load_rule_set(tmp_path).rules] == ["app"]
