"""Where an address is and whose it is, from MMDB files (MaxMind DB file format 2.0)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import maxminddb
import polars as pl

DatabaseKind: TypeAlias = Literal["city", "country", "asn"]
Record: TypeAlias = Mapping[str, Any]

# Addresses repeat: so many answers are kept.
CACHE_SIZE: Final = 65_536
_GEO: Final = {
    "continent_code": pl.String(),
    "continent_name": pl.String(),
    "country_iso_code": pl.String(),
    "country_name": pl.String(),
    "region_iso_code": pl.String(),
    "region_name": pl.String(),
    "city_name": pl.String(),
    "postal_code": pl.String(),
    "timezone": pl.String(),
    "location.lat": pl.Float64(),
    "location.lon": pl.Float64(),
}
_AS: Final = {"number": pl.Int64(), "organization.name": pl.String()}


@dataclass(frozen=True, slots=True)
class Database:
    """An open MMDB file. `find` gives the values for an address, in the order of `fields`; None: none are known."""

    kind: DatabaseKind
    fields: Mapping[str, pl.DataType]
    find: Callable[[str], tuple[Any, ...] | None]


def describe_database(path: str) -> tuple[DatabaseKind, str]:
    """What an MMDB file holds, by its metadata, and a text that changes when it is replaced by a newer one.

    Raises:
        OSError: there is no such file, or it may not be read.
        ValueError: it is no MMDB file, or holds neither places nor autonomous systems.
    """
    try:
        with maxminddb.open_database(path) as reader:
            metadata = reader.metadata()
    except maxminddb.InvalidDatabaseError as error:
        raise ValueError(f"it is no MMDB file: {error}") from error
    size = Path(path).stat().st_size
    return _to_kind(metadata.database_type), f"{metadata.database_type} {metadata.build_epoch} {size}"


def _to_kind(name: str) -> DatabaseKind:
    words = name.lower()
    for word, kind in _KINDS.items():
        if word in words:
            return kind
    raise ValueError(f"its type is '{name}', not one of City, Country or ASN")


_KINDS: Final[Mapping[str, DatabaseKind]] = {
    "city": "city",
    "enterprise": "city",
    "country": "country",
    "asn": "asn",
    "isp": "asn",
}


def open_geoip(path: str) -> Database:
    """Opens an MMDB file for lookups, safe to use from several threads. Raises as `describe_database`."""
    kind, _ = describe_database(path)
    reader = maxminddb.open_database(path)
    read = _read_as if kind == "asn" else _read_geo

    @lru_cache(maxsize=CACHE_SIZE)
    def find(address: str) -> tuple[Any, ...] | None:
        try:
            record = reader.get(address)
        except ValueError:  # no address, or an IPv6 one in a database of IPv4
            return None
        return read(record) if isinstance(record, dict) else None

    return Database(kind, _AS if kind == "asn" else _GEO, find)


def locate(database: Database, source: str, frame: pl.DataFrame) -> list[pl.Series]:
    """The fields `<base>.geo.*` or `<base>.as.*` for the addresses in `source`, which is `<base>.ip`.

    Each distinct address is asked for once. None at all where the frame has no such column, or nothing is known.
    """
    if frame.schema.get(source) != pl.String:
        return []
    addresses = frame[source]
    known, found = [], []
    for address in addresses.drop_nulls().unique():
        values = database.find(address)
        if values is not None:
            known.append(address)
            found.append(values)
    if not known:
        return []
    place = pl.Series(range(len(known)), dtype=pl.UInt32)
    rows = addresses.replace_strict(known, place, default=None, return_dtype=pl.UInt32)
    base = source.removesuffix("ip") + ("as." if database.kind == "asn" else "geo.")
    columns = zip(database.fields.items(), zip(*found, strict=True), strict=True)
    return [pl.Series(base + name, values, dtype=kind).gather(rows) for (name, kind), values in columns]


def _read_geo(record: Record) -> tuple[Any, ...]:
    continent, country = _below(record, "continent"), _below(record, "country")
    location, regions = _below(record, "location"), record.get("subdivisions")
    region = regions[0] if isinstance(regions, list) and regions and isinstance(regions[0], dict) else {}
    code, part = _text(country.get("iso_code")), _text(region.get("iso_code"))
    lat, lon = _number(location.get("latitude")), _number(location.get("longitude"))
    return (
        _text(continent.get("code")),
        _name(continent),
        code,
        _name(country),
        f"{code}-{part}" if code and part else None,
        _name(region),
        _name(_below(record, "city")),
        _text(_below(record, "postal").get("code")),
        _text(location.get("time_zone")),
        # Half a place is none: Elasticsearch would refuse the point.
        lat if lon is not None else None,
        lon if lat is not None else None,
    )


def _read_as(record: Record) -> tuple[Any, ...]:
    number = record.get("autonomous_system_number")
    return (
        number if isinstance(number, int) else None,
        _text(record.get("autonomous_system_organization")),
    )


def _below(record: Record, key: str) -> Record:
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def _name(record: Record) -> str | None:
    return _text(_below(record, "names").get("en"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, float | int) else None
