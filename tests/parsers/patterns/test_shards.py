from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.patterns.choose import build_chooser
from parsers.patterns.shards import MERGED_SIZE, SHARD_SIZE, Shard, index_shards, plan_shards
from parsers.patterns.store import FolderStore


def name_of(number: int) -> str:
    return f"^program{number} [^\\n]*$"


def find(
    patterns: list[str], lines: list[str], earlier: list[Shard], store: FolderStore | None = None
) -> set[object]:
    chooser = build_chooser(patterns, index_shards(earlier), store)
    found = chooser.find_candidates(pl.Series(lines))
    pairs = list(zip(found.lines.tolist(), found.patterns.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    return set(pairs)


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=20),
    st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=20, unique=True), max_size=3),
)
def test_taking_over_earlier_shards_changes_nothing(wanted: list[int], held: list[list[int]]) -> None:
    earlier = [Shard([name_of(number) for number in numbers]) for numbers in held]
    lines = [f"program{number} x" for number in range(31)]

    found = find([name_of(number) for number in wanted], lines, earlier)

    assert found == {(number, place) for place, number in enumerate(wanted)}


def test_an_edit_compiles_what_is_new_and_nothing_else() -> None:
    before = plan_shards(map(name_of, range(4 * SHARD_SIZE)))
    edited = [name_of(number + (10_000 if number % 200 == 7 else 0)) for number in range(4 * SHARD_SIZE)]

    after = plan_shards(edited, index_shards(before))

    assert set(before) < set(after)
    new = [expression for shard in after if shard not in before for expression in shard.expressions]
    assert sorted(new) == sorted(set(edited) - {name for shard in before for name in shard.expressions})


def test_edits_one_after_the_other_leave_no_heap_of_small_shards() -> None:
    expressions = [name_of(number) for number in range(SHARD_SIZE)]
    shards = plan_shards(expressions)
    for edit in range(2 * MERGED_SIZE):
        expressions[edit] = name_of(10_000 + edit)
        shards = plan_shards(expressions, index_shards(shards))

    assert len(shards) <= 5


def test_nothing_is_compiled_before_it_is_needed() -> None:
    chooser = build_chooser([name_of(1)])

    assert not chooser.shards[0].shard.is_built
    chooser.find_candidates(pl.Series(["x"]))
    assert chooser.shards[0].shard.is_built


def test_what_hyperscan_refuses_is_tried_on_every_line() -> None:
    patterns = [name_of(1), "^a(?=b)", name_of(2)]
    chooser = build_chooser(patterns)

    assert chooser.unscannable == (1,)
    assert find(patterns, ["program2 x", "ab"], []) == {(0, 1), (0, 2), (1, 1)}


def test_patterns_with_one_text_are_both_found() -> None:
    assert find([name_of(1), name_of(2), name_of(1)], ["program1 x"], []) == {(0, 0), (0, 2)}


def test_threads_may_share_a_shard_that_is_not_compiled_yet() -> None:
    shard = Shard([name_of(number) for number in range(50)])

    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda number: shard.scan(f"program{number} x\n\n".encode())[0].tolist(), range(50))
        )

    assert found == [[number] for number in range(50)]


def test_a_database_comes_back_from_the_store(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    Shard([name_of(1)], store).build()
    kept = {path: path.read_bytes() for path in (tmp_path / "store").iterdir()}

    again = Shard([name_of(1)], store)

    assert len(kept) == 1
    assert again.scan(b"program1 x\n\n")[0].tolist() == [0]
    assert {path: path.read_bytes() for path in (tmp_path / "store").iterdir()} == kept


@pytest.mark.parametrize(
    "harm", [lambda data: b"", lambda data: data[:-1], lambda data: data[:50] + b"!" + data[51:]]
)
def test_a_damaged_store_does_no_harm(tmp_path: Path, harm: object) -> None:
    store = FolderStore(tmp_path)
    Shard([name_of(1)], store).build()
    (path,) = tmp_path.iterdir()
    sound = path.read_bytes()
    path.write_bytes(harm(sound))  # type: ignore[operator]

    assert Shard([name_of(1)], store).scan(b"program1 x\n\n")[0].tolist() == [0]
    assert path.read_bytes() == sound


def test_bytes_that_are_no_database_do_no_harm(tmp_path: Path) -> None:
    class Liar(FolderStore):
        __slots__ = ()

        def load(self, key: str) -> bytes | None:
            return b"no database"

    assert Shard([name_of(1)], Liar(tmp_path)).scan(b"program1 x\n\n")[0].tolist() == [0]


def test_a_store_without_a_place_forgets(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    store = FolderStore(file / "below")

    store.save("key", b"data")

    assert store.load("key") is None


def test_a_folder_that_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    store.save("key", b"data")
    assert store.load("key") == b"data"

    (tmp_path / "store").chmod(0o777)

    assert store.load("key") is None
    store.save("other", b"data")
    assert len(list((tmp_path / "store").iterdir())) == 1


def test_a_store_keeps_what_was_used_last(tmp_path: Path) -> None:
    store = FolderStore(tmp_path, limit=1_000)
    for number in range(9):
        store.save(str(number), bytes([number]) * 200)
        store.load("0")

    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1_000
    assert store.load("8") == b"\x08" * 200
    assert store.load("0") is not None
    assert store.load("1") is None
