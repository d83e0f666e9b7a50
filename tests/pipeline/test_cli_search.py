import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.cli.search import format_event
from tests.pipeline.local_rules import make_log, run_tailrace, write_rules


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search")
    run_tailrace(
        "run",
        "--rules",
        write_rules(folder / "rules"),
        "--store",
        folder / "store",
        stdin=make_log(2).encode(),
    )
    return folder / "store"


def test_events_are_printed_for_people_oldest_first(store: Path) -> None:
    run = run_tailrace("search", "url.path:/* OR boom", "--limit", "4", "--store", store)

    assert run.returncode == 0
    assert run.stdout.decode().splitlines() == [
        "2026-07-01T10:01:03.000Z - app.java error boom 3",
        "2026-07-01T10:01:04.000Z - app.java error boom 4",
        "2026-07-01T10:01:05.000Z - app.java error boom 5",
        "2026-07-01T10:01:30.000Z web-1 web.access - 2026-07-01T10:01:30Z web-1 access 200 /1",
    ]
    assert run.stderr == b"These are the newest 4; --limit shows more.\n"


def test_whole_documents_are_printed_as_json(store: Path) -> None:
    run = run_tailrace("search", "http.response.status_code:>=200", "--json", "--store", store)

    documents = [json.loads(line) for line in run.stdout.splitlines()]
    assert [document["url"]["path"] for document in documents] == ["/0", "/1"]
    assert documents[0]["http"]["response"]["status_code"] == 200
    assert run.stderr == b""


def test_times_bound_the_search(store: Path) -> None:
    bounds = ("--since", "2026-07-01T10:01:00Z", "--until", "2026-07-01T10:01:02Z")

    found = run_tailrace("search", "boom", *bounds, "--store", store)
    recent = run_tailrace("search", "boom", "--since", "1s", "--store", store)

    assert len(found.stdout.splitlines()) == 2
    assert (recent.returncode, recent.stdout, recent.stderr) == (0, b"", b"No event matches.\n")


def test_no_limit_shows_all(store: Path) -> None:
    assert len(run_tailrace("search", "--limit", "0", "--store", store).stdout.splitlines()) == 14


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a ("], b"a ( that is not closed; close it, or quote it"),
        (["a", "--since", "soon"], b"'soon' is no time; write an age such as 15m"),
    ],
)
def test_mistakes_are_wrong_usage(store: Path, arguments: list[str], message: bytes) -> None:
    run = run_tailrace("search", *arguments, "--store", store)

    assert run.returncode == 2
    assert message in run.stderr


def test_a_missing_store_is_told_with_the_mend(tmp_path: Path) -> None:
    run = run_tailrace("search", "x", "--store", tmp_path / "none")

    assert run.returncode == 1
    assert b"fill one with `tailrace run FILE" in run.stderr


def test_a_line_cannot_drive_the_terminal() -> None:
    moment = datetime(2026, 7, 1, tzinfo=UTC)

    shown = format_event(
        moment, "h\n", None, "error", "red \x1b[31m\u009b1m\tx\nsecond\nthird", is_colored=False
    )

    assert shown == "2026-07-01T00:00:00.000Z h\ufffd - error red \ufffd[31m\ufffd1m\tx [+2 lines]"
    assert "\x1b[31merror\x1b[0m" in format_event(moment, None, None, "error", "", is_colored=True)
