"""No speed counts before the documents are the same: what the comparison sees, and what it leaves aside."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.lines import make_access_only
from bench.peers.commands import CommandPeer
from bench.peers.comparison import find_difference
from bench.peers.documents import read_json_lines, to_epoch_ms, to_fields
from bench.peers.loop.access import parse_access
from bench.peers.part import name_users
from bench.peers.port import Fields
from bench.peers.roster import list_peers

LINE = (
    '192.0.2.7 - carol [16/Mar/2026:09:00:01 +0200] "GET /cart?page=2 HTTP/1.1" 404 851 '
    '"https://shop.example.com/" "probe/1.0 (test)"'
)
FIELDS: Fields = {
    "source.address": "192.0.2.7",
    "user.name": "carol",
    "@timestamp": int(datetime(2026, 3, 16, 7, 0, 1, tzinfo=UTC).timestamp() * 1000),
    "http.request.method": "GET",
    "url.original": "/cart?page=2",
    "http.version": "1.1",
    "http.response.status_code": 404,
    "http.response.body.bytes": 851,
    "http.request.referrer": "https://shop.example.com/",
    "user_agent.original": "probe/1.0 (test)",
    "event.original": LINE,
}


def build_other(number: int) -> Fields:
    return {**FIELDS, "event.original": f"{LINE} {number}", "http.response.body.bytes": number}


def test_equal_documents_have_no_difference_whatever_their_order() -> None:
    documents = [FIELDS, build_other(1), build_other(2), FIELDS]
    assert find_difference(documents, reversed(documents)) is None


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("http.response.status_code", "404", "http.response.status_code is '404', not 404"),
        ("http.response.body.bytes", 851.0, "http.response.body.bytes is 851.0, not 851"),
        ("user.name", "Carol", "user.name is 'Carol', not 'carol'"),
        ("@timestamp", 1, "@timestamp is 1, not"),
    ],
)
def test_a_planted_difference_is_found_and_told(name: str, value: str | int, told: str) -> None:
    found = find_difference([build_other(1), FIELDS], [build_other(1), {**FIELDS, name: value}])
    assert found is not None
    assert found.startswith("document 2: ")
    assert told in found
    assert LINE in found


def test_a_field_too_few_and_a_field_too_many_are_differences() -> None:
    fewer = {name: value for name, value in FIELDS.items() if name != "http.request.referrer"}
    assert "http.request.referrer is None" in (find_difference([FIELDS], [fewer]) or "")
    assert "not None" in (find_difference([fewer], [FIELDS]) or "")


def test_documents_lost_doubled_or_of_no_line_are_differences() -> None:
    both = [FIELDS, build_other(1)]
    assert "1 documents are missing" in (find_difference(both, both[:1]) or "")
    assert "more often than its line" in (find_difference(both, [*both, FIELDS]) or "")
    assert "no line of the input" in (find_difference(both[:1], both) or "")


def test_nested_and_dotted_documents_are_read_alike(tmp_path: Path) -> None:
    flat = {**FIELDS, "@timestamp": "2026-03-16T09:00:01+0200"}
    nested = {
        "@timestamp": "2026-03-16T07:00:01.000Z",
        "source": {"address": "192.0.2.7", "ip": "192.0.2.7"},
        "user": {"name": "carol"},
        "http": {
            "request": {"method": "GET", "referrer": "https://shop.example.com/"},
            "response": {"status_code": 404, "body": {"bytes": 851}},
            "version": "1.1",
        },
        "url": {"original": "/cart?page=2"},
        "user_agent": {"original": "probe/1.0 (test)"},
        "message": LINE,
    }
    (tmp_path / "flat").write_text(json.dumps(flat) + "\n")
    (tmp_path / "nested").write_text(json.dumps(nested) + "\n")
    assert list(read_json_lines(tmp_path / "flat")) == [FIELDS]
    assert list(read_json_lines(tmp_path / "nested", {"event.original": "message"})) == [FIELDS]


def test_a_dash_is_nothing_and_a_number_as_text_stays_text() -> None:
    assert to_fields({"user.name": "-", "http.response.status_code": "200"}) == {
        "http.response.status_code": "200"
    }


def test_a_time_needs_its_offset() -> None:
    assert to_epoch_ms(1773651601.5) == 1773651601500
    with pytest.raises(ValueError, match="no offset"):
        to_epoch_ms("2026-03-16T09:00:01")


def test_fluent_bits_own_lines_are_read(tmp_path: Path) -> None:
    written = {
        "original": LINE,
        "address": "192.0.2.7",
        "user": "carol",
        "method": "GET",
        "url": "/cart?page=2",
        "version": "1.1",
        "status": 404,
        "bytes": 851,
        "referrer": "https://shop.example.com/",
        "agent": "probe/1.0 (test)",
    }
    seconds = int(FIELDS["@timestamp"]) // 1000
    (tmp_path / "documents.json").write_text(f"access: [{seconds}.000000000, {json.dumps(written)}]\n")
    [peer] = [peer for peer in list_peers() if peer.name == "Fluent Bit, tail with a regex parser to a file"]
    assert isinstance(peer, CommandPeer)
    assert list(read_json_lines(tmp_path / "documents.json", peer.names, peer.cut)) == [FIELDS]


def test_the_times_of_vrls_own_notation_are_read(tmp_path: Path) -> None:
    text = json.dumps({name: value for name, value in FIELDS.items() if name != "@timestamp"})
    (tmp_path / "documents.json").write_text("{ \"@timestamp\": t'2026-03-16T07:00:01Z', " + text[1:] + "\n")
    [peer] = [peer for peer in list_peers() if peer.tool == "VRL"]
    assert isinstance(peer, CommandPeer)
    assert list(read_json_lines(tmp_path / "documents.json", peer.names, peer.cut)) == [FIELDS]


def test_the_loop_finds_every_field() -> None:
    assert to_fields(parse_access(LINE)) == FIELDS
    assert parse_access("no access log") == {"event.original": "no access log"}


def test_every_tenth_line_names_a_user() -> None:
    fields = [parse_access(line) for line in name_users(make_access_only(40))]
    assert [number for number, found in enumerate(fields) if "user.name" in found] == [0, 10, 20, 30]
