"""Which worker of the group reads which partitions: each of our topics is spread on its own.

Faust gives topics with equally many partitions to the same workers, partition by partition, as joins need it; a topic
of one partition always goes to the same worker. Our stages need none of that: a worker may run any of them, and every
topic should lie on all workers that read it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from faust.assignor.client_assignment import ClientMetadata
from faust.assignor.partition_assignor import PartitionAssignor


def spread_topics(
    partitions: Mapping[str, Sequence[int]],
    subscriptions: Mapping[str, Sequence[str]],
    previous: Mapping[str, Mapping[str, Sequence[int]]],
) -> dict[str, dict[str, list[int]]]:
    """Give every partition to one of the members that subscribe to its topic: member -> topic -> partitions.

    Of each topic the members' shares differ by one at most; the odd ones go to who has fewest altogether. A member
    keeps of `previous` what its share allows. Topics without members or partitions are left out. The answer depends on
    nothing but the arguments, not on their order.
    """
    spread: dict[str, dict[str, list[int]]] = {member: {} for member in subscriptions}
    load = dict.fromkeys(subscriptions, 0)
    for topic in sorted(partitions):
        members = sorted(member for member, topics in subscriptions.items() if topic in topics)
        if not members or not partitions[topic]:
            continue
        shares = _to_shares(len(partitions[topic]), members, load)
        free = set(partitions[topic])
        for member in members:
            kept = sorted(free.intersection(previous.get(member, {}).get(topic, ())))[: shares[member]]
            spread[member][topic] = kept
            free.difference_update(kept)
        waiting = sorted(free, reverse=True)
        for member in members:
            own = spread[member][topic]
            while len(own) < shares[member]:
                own.append(waiting.pop())
            own.sort()
            load[member] += len(own)
            if not own:
                del spread[member][topic]
    return spread


def _to_shares(count: int, members: Sequence[str], load: Mapping[str, int]) -> dict[str, int]:
    least, odd = divmod(count, len(members))
    shares = dict.fromkeys(members, least)
    for member in sorted(members, key=lambda name: (load[name], name))[:odd]:
        shares[member] += 1
    return shares


class SpreadingAssignor(PartitionAssignor):
    """Faust's assignor for all topics but ours, which `spread_topics` takes."""

    def __init__(self, app: Any, replicas: int = 0) -> None:
        super().__init__(app, replicas=replicas)
        self._ours: frozenset[str] = app.ledger.options.topics
        self._spread: dict[str, dict[str, list[int]]] = {}

    @property
    def name(self) -> str:
        """The protocol's name in the group: workers with another assignor cannot join."""
        return "tailrace"

    def _perform_assignment(self, cluster: Any, member_metadata: Mapping[str, Any]) -> Any:
        subscriptions = {member: tuple(data.subscription) for member, data in member_metadata.items()}
        previous = {
            member: ClientMetadata.loads(data.user_data).assignment.actives
            for member, data in member_metadata.items()
        }
        partitions = {topic: sorted(cluster.partitions_for_topic(topic) or ()) for topic in self._ours}
        self._spread = spread_topics(partitions, subscriptions, previous)
        return super()._perform_assignment(cluster, member_metadata)

    def _get_copartitioned_groups(self, topics: set[str], cluster: Any, subscriptions: Any) -> Any:
        return super()._get_copartitioned_groups(topics - self._ours, cluster, subscriptions)

    def _global_table_standby_assignments(self, assignments: Any, partitions_by_topic: Any) -> Any:
        # The one place between Faust's own assignment and its encoding.
        for member, topics in self._spread.items():
            assignments[member].actives.update(topics)
        return super()._global_table_standby_assignments(assignments, partitions_by_topic)
