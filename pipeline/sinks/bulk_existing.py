"""Which documents a data stream holds already, in the backing indices that are no longer written to.

`create` guards an `_id` in one index only. After a rollover the same document would be taken a second time,
so the older indices have to be asked. Of two ways (5,000 ids, one to seven indices), a search on `_id` took
20 to 65 ms and hardly grew with the indices, `_mget` 50 to 180; a search sees only what has been refreshed,
and a refresh with nothing to do took 3 to 8 ms.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any, TypeAlias, final
from urllib.parse import quote

import msgspec
from loguru import logger

from pipeline.sinks.elasticsearch_client import ElasticsearchClient, Unavailable

Identity: TypeAlias = tuple[bytes, bytes]  # target, _id

# index.max_result_window, and http.max_initial_line_length with room for the rest of the line.
_MOST_HITS = 10_000
_MOST_IDS = 5_000
_MOST_PATH = 3_000
_SEARCH_FIELDS = "responses.hits.hits._id,responses.error,responses.timed_out,responses._shards.failed"


@final
class BackingIndices:
    """What the sink knows of the indices behind its targets."""

    def __init__(self, client: ElasticsearchClient, recheck: float, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._recheck = recheck
        self._monotonic = monotonic
        self._known: dict[bytes, set[str]] = {}
        self._due: dict[bytes, float] = {}
        self._warned = False

    def list_due(self) -> Set[bytes]:
        """The targets that have rolled over not long ago."""
        if self._due:
            now = self._monotonic()
            self._due = {target: until for target, until in self._due.items() if until > now}
        return self._due.keys()

    def notice(self, target: bytes, index: str) -> bool:
        """Note where a document went; True when that index is new behind a known target: a rollover."""
        known = self._known.get(target)
        if known is None:
            self._known[target] = {index}
            return False
        if index in known:
            return False
        known.add(index)
        self._due[target] = self._monotonic() + self._recheck
        logger.info(
            "{} has rolled over to {}; the older indices are asked for duplicates.", target.decode(), index
        )
        return True

    async def find(
        self, identities: Mapping[bytes, Sequence[bytes]], without: Set[str] = frozenset()
    ) -> set[Identity]:
        """Those of the ids (by target) that an index other than the target's write index holds.

        Indices named in `without` are not asked. Raises Unavailable when it cannot be said now.
        """
        listed = await self._list_older(tuple(identities))
        left = {
            target: [index for index in older if index not in without] for target, older in listed.items()
        }
        behind = {target: older for target, older in left.items() if older}
        if not behind:
            return set()
        await self._refresh([index for older in behind.values() for index in older])
        found: set[Identity] = set()
        for target, older in behind.items():
            ids = identities[target]
            for start in range(0, len(ids), _MOST_IDS):
                found |= await self._search(target, older, ids[start : start + _MOST_IDS])
        return found

    async def _list_older(self, targets: Sequence[bytes]) -> dict[bytes, list[str]]:
        """The indices behind each target but the last, which is written to; without targets of one index."""
        older: dict[bytes, list[str]] = {}
        for path in _join_names([target.decode() for target in targets]):
            answer = await self._client.request(
                "GET", f"/_resolve/index/{path}", params={"ignore_unavailable": "true"}
            )
            if answer.status == 404:
                continue
            if answer.status != 200:
                raise Unavailable(f"status {answer.status} for the backing indices: {_shorten(answer.body)}")
            resolved: dict[str, Any] = answer.decode()
            for stream in resolved.get("data_streams", ()):
                indices = _to_list(stream["backing_indices"])
                # Only for a target not written to yet: an index that is new behind one that was has to be
                # noticed in the answers, by every request that was under way.
                self._known.setdefault(stream["name"].encode(), set(indices))
                if len(indices) > 1:
                    older[stream["name"].encode()] = indices[:-1]
            for alias in resolved.get("aliases", ()):
                indices = _to_list(alias["indices"])
                if len(indices) > 1:
                    older[alias["name"].encode()] = indices
        return {target: indices for target, indices in older.items() if target in set(targets)}

    async def _refresh(self, indices: Sequence[str]) -> None:
        for path in _join_names(indices):
            answer = await self._client.request(
                "POST", f"/{path}/_refresh", params={"ignore_unavailable": "true"}
            )
            if answer.status in (401, 403) and not self._warned:
                self._warned = True
                logger.warning(
                    "No privilege 'maintenance' on {}: indices cannot be refreshed before they are asked for "
                    "duplicates. Documents written a second before a rollover may be written twice.",
                    path,
                )
            elif answer.status not in (200, 401, 403, 404):
                raise Unavailable(f"status {answer.status} for a refresh: {_shorten(answer.body)}")

    async def _search(self, target: bytes, indices: Sequence[str], ids: Sequence[bytes]) -> set[Identity]:
        size = min(len(ids) * len(indices), _MOST_HITS)
        header = {"index": indices, "ignore_unavailable": True, "allow_no_indices": True}
        query = {
            "query": {"ids": {"values": [identity.decode() for identity in ids]}},
            "size": size,
            "_source": False,
            "track_total_hits": False,
            "sort": ["_doc"],
        }
        body = msgspec.json.encode(header) + b"\n" + msgspec.json.encode(query) + b"\n"
        answer = await self._client.request(
            "POST", "/_msearch", body=body, lines=True, params={"filter_path": _SEARCH_FIELDS}
        )
        if answer.status != 200:
            raise Unavailable(f"status {answer.status} for a search by id: {_shorten(answer.body)}")
        response: dict[str, Any] = (answer.decode().get("responses") or [{}])[0]
        failed = response.get("_shards", {}).get("failed", 0)
        if "error" in response or response.get("timed_out") or failed:
            raise Unavailable(f"a search by id was not complete: {_shorten(answer.body)}")
        hits = response.get("hits", {}).get("hits", ())
        if len(hits) == size and len(ids) > 1 and size < len(ids) * len(indices):
            # Ids that several indices hold may have pushed others out of the answer.
            middle = len(ids) // 2
            first = await self._search(target, indices, ids[:middle])
            return first | await self._search(target, indices, ids[middle:])
        return {(target, hit["_id"].encode()) for hit in hits}


def _join_names(names: Sequence[str]) -> Iterator[str]:
    """The names joined by commas, in paths that are not too long for a request line."""
    path = ""
    for name in names:
        quoted = quote(name, safe="")
        if path and len(path) + len(quoted) >= _MOST_PATH:
            yield path
            path = ""
        path = f"{path},{quoted}" if path else quoted
    if path:
        yield path


def _to_list(value: str | list[str]) -> list[str]:
    """Elasticsearch writes a list of one as its only item."""
    return [value] if isinstance(value, str) else value


def _shorten(body: bytes) -> str:
    return body[:300].decode("utf-8", "replace")
