"""Not one piece of a masked value gets out: of documents, signals, bursts, the store, dead letters and our own log."""

import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
import yaml
from loguru import logger

from parsers.burst_model import BurstRule
from parsers.load import load_rule_set, parse_rules
from parsers.model import Installation, Mask
from parsers.reading.read_mask import read_masks
from parsers.reading.yaml_nodes import parse_nodes
from parsers.ruleset import RuleSet, build_rule_set
from parsers.shipped import shipped_rules_directory
from pipeline.agents.dead import _build
from pipeline.agents.dead_mask import describe_failure, mask_letter
from pipeline.agents.index import to_index_letter
from pipeline.agents.parsing import Parsed, parse_batches
from pipeline.flow import Flow, build_flow
from pipeline.kafka.records import RecordBatch
from pipeline.logs import configure_logs
from pipeline.sinks.sink import Refusal
from tests.canaries import (
    BADGE,
    CANARIES,
    MASK_KEY,
    MASKS,
    build_lines,
    build_records,
    find_traces,
    read_folder,
)
from tests.encoded import ENCODE, read_documents

EVERY_CANARY = set(CANARIES)
BURST = BurstRule("all", 1, group_by=("user.name", "source.address", "message"))


def load_masks() -> tuple[Mask, ...]:
    nodes, _ = parse_nodes(yaml.safe_dump(MASKS), "masks")
    return read_masks(nodes[0], [])


@pytest.fixture(scope="module")
def plain() -> RuleSet:
    return load_rule_set(shipped_rules_directory())


@pytest.fixture(scope="module")
def masked(plain: RuleSet) -> RuleSet:
    installation = Installation(masks=load_masks(), mask_key=MASK_KEY.encode())
    return build_rule_set(plain.rules, earlier=plain, installation=installation)


def make_batch(values: Sequence[bytes], keys: Sequence[bytes] = ()) -> RecordBatch:
    count = len(values)
    keys = keys or [CANARIES["email"].encode() for _ in values]
    return RecordBatch("raw", 0, 0, count, range(count), [1_782_900_000_000] * count, keys, values, count)


def fail_on_each(frame: pl.DataFrame) -> pl.DataFrame:
    raise ValueError(f"cannot read {frame['event.original'][0]}")


def collect(parsed: Parsed, rules: RuleSet) -> str:
    letters = [_build(mask_letter(letter, rules.masker)).decode() for letter in parsed.letters]
    documents = read_documents(parsed)
    return "\n".join(
        [
            *(document.value.decode() for document in documents),
            *(document.key.decode() for document in documents),
            *parsed.signals["group"],
            *letters,
        ]
    )


def process(rules: RuleSet) -> str:
    """All that a worker's parse stage writes for the records."""
    flow = build_flow(rules, (BURST,))
    parsed = parse_batches([make_batch(build_records())], flow, ENCODE, lambda *_: None)
    assert len(read_documents(parsed)) == len(build_records())
    assert parsed.signals.height
    return collect(parsed, rules)


def test_documents_and_signals_hold_no_trace(masked: RuleSet) -> None:
    assert find_traces(process(masked)) == set()


def test_without_masks_every_canary_gets_out(plain: RuleSet) -> None:
    assert find_traces(process(plain)) == EVERY_CANARY


@pytest.mark.parametrize("left_out", range(len(MASKS)))
def test_each_mask_is_needed(plain: RuleSet, left_out: int) -> None:
    masks = load_masks()
    installation = Installation(masks=(*masks[:left_out], *masks[left_out + 1 :]), mask_key=b"k")
    rules = build_rule_set(plain.rules, earlier=plain, installation=installation)

    assert find_traces(process(rules))


def test_masked_lines_are_parsed_by_the_rules_that_parse_them_bare(plain: RuleSet, masked: RuleSet) -> None:
    lines = pl.DataFrame({"event.original": build_lines(), "_time": [1_782_900_000_000] * len(build_lines())})

    def name_rules(rules: RuleSet) -> list[str | None]:
        found = {row: block.rule for block in rules.parse(lines).blocks for row in block.frame["_row"]}
        return [found[row] for row in range(lines.height)]

    assert name_rules(masked) == name_rules(plain)


def test_records_that_a_stage_fails_on_are_masked_in_dead_letters_and_log(
    masked: RuleSet, plain: RuleSet
) -> None:
    def run(rules: RuleSet) -> tuple[str, str]:
        heard: list[str] = []
        flow = build_flow(rules, (), (fail_on_each,))
        parsed = parse_batches(
            [make_batch(build_records())],
            flow,
            ENCODE,
            lambda _, error: heard.append(describe_failure(error, rules.masker)),
        )
        assert len(parsed.letters) == len(build_records())
        return collect(parsed, rules), "\n".join(heard)

    letters, told = run(masked)
    assert find_traces(letters) == set()
    assert find_traces(told) == set()
    assert "ValueError" in told
    letters, told = run(plain)
    assert find_traces(letters) == EVERY_CANARY
    assert find_traces(told)


def test_a_failure_of_our_own_before_any_mask_is_masked_too(masked: RuleSet, plain: RuleSet) -> None:
    def run(rules: RuleSet) -> str:
        class Broken(RuleSet):
            def parse(self, lines: pl.DataFrame, observe: object = None) -> object:  # type: ignore[override]
                raise RuntimeError(f"cannot convert {lines['event.original'][0]!r}")

        broken = Broken(rules.compiled, installation=rules.installation, masker=rules.masker)
        flow: Flow = build_flow(broken)
        return collect(parse_batches([make_batch(build_records())], flow, ENCODE, lambda *_: None), rules)

    assert find_traces(run(masked)) == set()
    assert find_traces(run(plain)) == EVERY_CANARY


def test_what_elasticsearch_refuses_is_masked(masked: RuleSet, plain: RuleSet) -> None:
    def run(rules: RuleSet) -> str:
        # Documents of a worker that had no masks yet may still lie in the topic.
        texts = [record for record in build_records() if b"\xff" not in record]
        parsed = parse_batches([make_batch(texts)], build_flow(plain), ENCODE, lambda *_: None)
        documents = read_documents(parsed)
        batch = make_batch(
            [document.value for document in documents], [document.key for document in documents]
        )
        letters = []
        for row in range(len(batch)):
            value = documents[row].value.decode()
            letter = to_index_letter(batch, Refusal(row, "refused_by_elasticsearch", f"cannot parse {value}"))
            assert letter.original is not None
            letters.append(_build(mask_letter(letter, rules.masker)).decode())
        return "\n".join(letters)

    assert find_traces(run(masked)) == set()
    assert find_traces(run(plain)) == EVERY_CANARY


def test_our_own_log_is_masked(masked: RuleSet) -> None:
    masker = masked.masker
    assert masker is not None

    def write(is_masked: bool) -> str:
        stream = io.StringIO()
        configure_logs("debug", json=True, mask=masker.mask_text if is_masked else None, stream=stream)
        try:
            for line in build_lines():
                logger.warning("cannot read {}", line)
                try:
                    raise ValueError(line)
                except ValueError as error:
                    logger.opt(exception=error).error("failed")
        finally:
            configure_logs("info")
        return stream.getvalue()

    assert find_traces(write(is_masked=True)) == set()
    assert find_traces(write(is_masked=False)) == EVERY_CANARY


def run_tailrace(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=folder,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    return (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("is_masked", [True, False])
def test_the_local_run_lets_nothing_out(tmp_path: Path, is_masked: bool) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"\n".join(build_records()) + b"\n")
    settings = {"mask": MASKS, "mask_key": MASK_KEY} if is_masked else {}
    (tmp_path / "tailrace.yml").write_text(yaml.safe_dump(settings))

    outputs = [run_tailrace(tmp_path, "parse", "app.log", "--config", "tailrace.yml")]
    outputs += [run_tailrace(tmp_path, "run", "app.log", "--config", "tailrace.yml", "--store", "store")]
    outputs += [run_tailrace(tmp_path, "search", "--store", "store", "--json", "--limit", "0", "")]
    outputs += [text for _, text in read_folder(tmp_path / "store")]

    found = set[str]().union(*map(find_traces, outputs))
    assert found == (set() if is_masked else EVERY_CANARY)


OWN = r"""
name: depot
patterns: ['^(?P<user.id>\S+) opened (?P<depot.door>\d+) (?P<message>.*)$']
types: {depot.door: long}
mask:
  - {field: message, kind: email}
  - {field: user.id, kind: custom, pattern: '.+'}
tests: [{line: a opened 1 b, expect: {message: b}}]
"""


def test_a_rule_s_masks_hold_for_the_whole_event_and_for_no_other() -> None:
    rules = build_rule_set(parse_rules(OWN))
    c = CANARIES
    lines = pl.DataFrame(
        {
            "event.original": [f"{c['badge']} opened 7 for {c['email']}", f"x {c['email']}"],
            "_time": [0, 0],
            "labels.who": [c["badge"], c["badge"]],
        }
    )
    known = {block.rule: block.frame.row(0, named=True) for block in rules.parse(lines).blocks}

    assert known["depot"]["event.original"] == "[custom] opened 7 for [email]"
    assert known["depot"]["user.id"] == "[custom]"
    assert known["depot"]["labels.who"] == "[custom]"
    assert (known["depot"]["depot.door"], known["depot"]["message"]) == (7, "for [email]")
    assert known[None]["event.original"] == f"x {c['email']}"


def test_a_record_that_masks_by_field_cannot_be_applied_to_is_withheld() -> None:
    rules = build_rule_set(parse_rules(OWN))
    flow = build_flow(rules, (), (fail_on_each,))
    record = f"{CANARIES['badge']} opened 7 for you".encode()
    (letter,) = parse_batches([make_batch([record])], flow, ENCODE, lambda *_: None).letters
    document = json.loads(_build(mask_letter(letter, rules.masker)))

    assert "original" not in document["event"]
    assert "withheld" in document["error"]["message"]
    assert document["tailrace"]["origin"] == {"topic": "raw", "partition": 0, "offset": 0}
    assert find_traces(json.dumps(document)) == set()
    assert BADGE  # the pattern by which other tests find it in any text
