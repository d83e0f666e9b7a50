from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.assignor import spread_topics

TOPICS = ("raw", "events", "signals", "bursts")
members = st.dictionaries(
    st.sampled_from("abcde"), st.lists(st.sampled_from(TOPICS), unique=True), min_size=1, max_size=5
)
counts = st.fixed_dictionaries({topic: st.integers(0, 9) for topic in TOPICS})


@given(subscriptions=members, sizes=counts, data=st.data())
def test_every_partition_goes_to_one_subscriber_and_shares_are_even(
    subscriptions: dict[str, list[str]], sizes: dict[str, int], data: st.DataObject
) -> None:
    partitions = {topic: range(size) for topic, size in sizes.items()}
    previous = {
        member: {
            topic: data.draw(st.lists(st.integers(0, 12), unique=True, max_size=6))
            for topic in subscriptions[member]
        }
        for member in subscriptions
    }
    spread = spread_topics(partitions, subscriptions, previous)
    for topic, size in sizes.items():
        readers = [member for member in subscriptions if topic in subscriptions[member]]
        given_out = Counter(number for member in spread for number in spread[member].get(topic, ()))
        assert given_out == (Counter(range(size)) if readers else Counter())
        shares = [len(spread[member].get(topic, ())) for member in readers]
        assert max(shares, default=0) - min(shares, default=0) <= 1
    for member, topics in spread.items():
        assert set(topics) <= set(subscriptions[member])


@given(subscriptions=members, sizes=counts)
def test_nothing_moves_when_nothing_has_changed(
    subscriptions: dict[str, list[str]], sizes: dict[str, int]
) -> None:
    partitions = {topic: range(size) for topic, size in sizes.items()}
    first = spread_topics(partitions, subscriptions, {})
    assert spread_topics(partitions, subscriptions, first) == first


def test_workers_of_different_stages_share_one_group() -> None:
    spread = spread_topics(
        {"raw": range(4), "events": range(4)}, {"p1": ["raw"], "p2": ["raw"], "i1": ["events"]}, {}
    )
    assert spread == {"p1": {"raw": [0, 1]}, "p2": {"raw": [2, 3]}, "i1": {"events": [0, 1, 2, 3]}}


def test_topics_of_one_partition_do_not_all_lie_on_one_worker() -> None:
    topics = {f"t{number}": range(1) for number in range(4)}
    spread = spread_topics(topics, {"a": list(topics), "b": list(topics)}, {})
    assert [sum(map(len, spread[member].values())) for member in "ab"] == [2, 2]


def test_a_new_worker_takes_only_its_share() -> None:
    before = {"a": {"raw": [0, 1, 2, 3, 4, 5]}}
    spread = spread_topics({"raw": range(6)}, {"a": ["raw"], "b": ["raw"]}, before)
    assert spread == {"a": {"raw": [0, 1, 2]}, "b": {"raw": [3, 4, 5]}}
