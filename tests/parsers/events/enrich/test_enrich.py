from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]

from parsers.burst_model import BurstRule
from parsers.document import to_documents
from parsers.errors import RuleError
from parsers.frames import ParsedBatch
from parsers.load import check_rules, load_rule_set
from parsers.ruleset import RuleSet
from pipeline.flow import build_flow

RULE = r"""
name: depot
patterns: ['^(?P<host.hostname>\S+) (?P<source.ip>\S+) (?P<user.name>\S+) (?P<message>.*)$']
tests: [{line: a b c d, expect: {message: d}}]
"""
CSV = "host,team,service,since\nweb-1,shop,cart,2024\ndb-2,data,,\n"
LINES = ["web-1 192.0.2.7 ada opened", "db-2 198.51.100.9 bob closed", "x 10.0.0.1 eve gone"]


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in {"depot.yml": RULE, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def parse(rules: RuleSet, lines: list[str] = LINES) -> list[dict[str, Any]]:
    frame = pl.DataFrame({"event.original": lines, "_time": [1_782_900_000_000] * len(lines)})
    batch = rules.parse(frame)
    rows = [row for block in batch.blocks for row in block.frame["_row"]]
    texts = [text for block in batch.blocks for text in to_documents(block.frame)]
    return [msgspec.json.decode(text) for _, text in sorted(zip(rows, texts, strict=True))]


def test_a_rule_s_lookup_fills_fields_from_a_table(tmp_path: Path) -> None:
    lookup = "lookup:\n  - {table: hosts.csv, from: host.hostname, to: {team: labels.team, service: service.name}}\n"
    found = parse(load_rule_set(write(tmp_path, {"depot.yml": RULE + lookup, "hosts.csv": CSV})))

    assert [document.get("labels") for document in found] == [{"team": "shop"}, {"team": "data"}, None]
    assert [document.get("service") for document in found] == [{"name": "cart"}, None, None]


def test_a_lookup_of_the_parent_holds_for_the_rules_after_it_and_what_an_event_has_stays(
    tmp_path: Path,
) -> None:
    child = (
        "---\nname: depot_door\nafter: depot\npatterns: ['^(?P<service.name>closed)$']\n"
        "tests: [{line: a b c closed, expect: {service.name: closed}}]\n"
    )
    lookup = (
        "lookup: {table: hosts.csv, from: host.hostname, to: {team: labels.team, service: service.name}}\n"
    )
    csv = CSV.replace("db-2,data,", "db-2,data,other")
    found = parse(load_rule_set(write(tmp_path, {"depot.yml": RULE + lookup + child, "hosts.csv": csv})))

    assert found[1]["rule"]["name"] == "depot_door"
    assert found[1]["labels"] == {"team": "data"}
    assert found[1]["service"] == {"name": "closed"}


def test_a_directory_s_lookup_holds_for_all_events_where_its_conditions_do(tmp_path: Path) -> None:
    table = "web-1: {team: shop, cpus: 8, edge: true}\ndb-2: {team: data}\n"
    enrich = (
        "name: hosts\nkind: lookup\nwhen: [{host.hostname: web-*}, {host.hostname: nobody}]\n"
        "table: lookups/hosts.yml\nfrom: host.hostname\n"
        "to: {team: labels.team, cpus: depot.cpus, edge: depot.edge}\n"
    )
    rules = load_rule_set(write(tmp_path, {"lookups/hosts.yml": table, "enrich/hosts.yml": enrich}))
    found = parse(rules)

    assert found[0]["labels"] == {"team": "shop"}
    assert found[0]["depot"] == {"cpus": 8, "edge": True}
    assert "labels" not in found[1]


def test_a_yaml_table_of_plain_values_has_the_column_value(tmp_path: Path) -> None:
    files = {
        "lookups/t.yml": "web-1: shop\ndb-2: 7\n",
        "enrich/t.yml": "{name: t, kind: lookup, table: lookups/t.yml, from: host.hostname, to: {value: labels.team}}",
    }
    found = parse(load_rule_set(write(tmp_path, files)))

    assert [document.get("labels") for document in found] == [{"team": "shop"}, {"team": "7"}, None]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "enrich/t.yml:1:35: error: cannot read the table '{}/t.csv': No such file or directory"),
        ({"t.csv": ""}, "t.csv:1:1: error: the table has no header"),
        ({"t.csv": "host,team\na\n"}, "t.csv:2:1: error: the row has 1 values, the header 2"),
        (
            {"t.csv": "host,team\na,b\nb,c\na,d\n"},
            "t.csv:4:1: error: the key 'a' is there twice; it is also in line 2",
        ),
        ({"t.csv": 'host,team\na,"b\n'}, "t.csv:2:1: error: the table cannot be read: "),
        ({"t.csv": "host,tema\na,b\n"}, "has no column 'team'; did you mean 'tema'?"),
        ({"t.csv": "host,host\na,b\n"}, "there are two columns named 'host'"),
    ],
)
def test_a_broken_table_is_an_error_with_its_place(
    tmp_path: Path, files: Mapping[str, str], words: str
) -> None:
    enrich = "{name: t, kind: lookup, table:    t.csv, from: host.hostname, to: {team: labels.team}}"
    folder = write(tmp_path, {**files, "enrich/t.yml": enrich})

    with pytest.raises(RuleError) as caught:
        load_rule_set(folder)

    assert words.format(folder) in str(caught.value)
    assert [str(problem) for problem in check_rules(folder)[1]] == str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{name: t}", "an enrichment has no 'kind'"),
        ("{name: t, kind: geo}", "'kind' cannot be 'geo'; did you mean 'geoip'?"),
        ("{name: t, kind: geoip, from: source.ip}", "has no 'database'"),
        (
            "{name: t, kind: geoip, from: source.address, database: x.mmdb}",
            "'source.address' does not end in .ip",
        ),
        ("{name: t, kind: geoip, from: source.ip, database: depot.yml}", "it is no MMDB file"),
        ("{name: t, kind: related, table: x}", "unknown key 'table'"),
        ("{name: t, kind: lookup, table: x, from: _a, to: {b: c}}", "'_a' is scratch"),
        ("{name: t, kind: related}\n---\n{name: u, kind: related}", "more than one enrichment"),
        ("[]", "an enrichment must be a mapping"),
    ],
)
def test_mistakes_in_an_enrichment_are_told(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(RuleError, match=r"enrich/t\.yml:\d+:\d+: error: ") as caught:
        load_rule_set(write(tmp_path, {"enrich/t.yml": text}))

    assert words in str(caught.value)


def test_the_hash_of_a_rule_set_changes_with_a_table_s_content(tmp_path: Path) -> None:
    enrich = "{name: t, kind: lookup, table: t.csv, from: host.hostname, to: {team: labels.team}}"
    own = RULE + "lookup: {table: own.csv, from: host.hostname, to: {team: labels.team}}\n"
    folder = write(tmp_path, {"depot.yml": own, "enrich/t.yml": enrich, "t.csv": CSV, "own.csv": CSV})
    hashes = {load_rule_set(folder).hash, load_rule_set(folder).hash}

    assert len(hashes) == 1
    for name in ("t.csv", "own.csv"):
        write(folder, {"depot.yml": own, name: CSV.replace("shop", "shops")})
        hashes.add(load_rule_set(folder).hash)
    assert len(hashes) == 3


def write_database(path: Path, kind: str, networks: Mapping[str, Any]) -> None:
    writer = MMDBWriter(6, kind, languages=["en"], description="made for a test", ipv4_compatible=True)
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))


CITY = {
    "192.0.2.0/25": {
        "continent": {"code": "EU", "names": {"en": "Europe"}},
        "country": {"iso_code": "DE", "names": {"en": "Germany", "de": "Deutschland"}},
        "subdivisions": [{"iso_code": "HH", "names": {"en": "Hamburg State"}}],
        "city": {"names": {"en": "Hamburg"}},
        "postal": {"code": "20095"},
        "location": {"latitude": 53.55, "longitude": 9.99, "time_zone": "Europe/Berlin"},
    },
    "198.51.100.0/24": {"country": {"iso_code": "US"}, "location": {"latitude": 1.5}},
    "2001:db8::/32": {"country": {"iso_code": "JP", "names": {"en": "Japan"}}},
}
ASN = {"192.0.2.0/24": {"autonomous_system_number": 64500, "autonomous_system_organization": "Example Net"}}
GEOIP = "{name: %s, kind: geoip, database: %s.mmdb, from: [source.ip, client.ip]}"


def test_an_address_has_its_place_and_its_network(tmp_path: Path) -> None:
    write_database(tmp_path / "city.mmdb", "GeoLite2-City", CITY)
    write_database(tmp_path / "asn.mmdb", "GeoLite2-ASN", ASN)
    files = {"enrich/city.yml": GEOIP % ("city", "city"), "enrich/asn.yml": GEOIP % ("asn", "asn")}
    lines = [*LINES, "y 2001:db8::5 kim in", "z somewhere kim in"]
    found = parse(load_rule_set(write(tmp_path, files)), lines)

    assert found[0]["source"] == {
        "ip": "192.0.2.7",
        "geo": {
            "continent_code": "EU",
            "continent_name": "Europe",
            "country_iso_code": "DE",
            "country_name": "Germany",
            "region_iso_code": "DE-HH",
            "region_name": "Hamburg State",
            "city_name": "Hamburg",
            "postal_code": "20095",
            "timezone": "Europe/Berlin",
            "location": {"lat": 53.55, "lon": 9.99},
        },
        "as": {"number": 64500, "organization": {"name": "Example Net"}},
    }
    assert found[1]["source"] == {"ip": "198.51.100.9", "geo": {"country_iso_code": "US"}}
    assert found[2]["source"] == {"ip": "10.0.0.1"}
    assert found[3]["source"]["geo"] == {"country_iso_code": "JP", "country_name": "Japan"}
    assert found[4]["source"] == {"address": "somewhere"}


def test_a_database_of_another_kind_is_an_error_and_a_newer_one_changes_the_hash(tmp_path: Path) -> None:
    write_database(tmp_path / "city.mmdb", "Depot-Fleet", CITY)
    folder = write(tmp_path, {"enrich/city.yml": GEOIP % ("city", "city")})
    with pytest.raises(RuleError, match="its type is 'Depot-Fleet', not one of City, Country or ASN"):
        load_rule_set(folder)

    write_database(tmp_path / "city.mmdb", "GeoLite2-Country", CITY)
    before = load_rule_set(folder).hash
    write_database(
        tmp_path / "city.mmdb", "GeoLite2-Country", {**CITY, "203.0.113.0/24": CITY["2001:db8::/32"]}
    )

    assert load_rule_set(folder).hash != before


def test_related_fields_hold_each_value_once(tmp_path: Path) -> None:
    rule = RULE.replace(
        "(?P<message>.*)", r"(?P<destination.ip>\S+) (?P<source.user.name>\S+) (?P<message>.*)"
    )
    folder = write(
        tmp_path, {"depot.yml": rule.replace("a b c d", "a b c d e f").replace("message: d", "message: f")}
    )
    write(
        folder, {"depot.yml": (folder / "depot.yml").read_text(), "enrich/r.yml": "{name: r, kind: related}"}
    )
    lines = [
        "web-1 192.0.2.7 ada 192.0.2.7 ada in",
        "db-2 192.0.2.7 ada 192.0.2.8 bob in",
        "x here ada there ada in",
    ]
    found = parse(load_rule_set(folder), lines)

    assert [document["related"] for document in found] == [
        {"ip": ["192.0.2.7"], "user": ["ada"], "hosts": ["web-1"]},
        {"ip": ["192.0.2.7", "192.0.2.8"], "user": ["ada", "bob"], "hosts": ["db-2"]},
        {"user": ["ada"], "hosts": ["x"]},
    ]


def test_stages_and_signals_see_what_was_added(tmp_path: Path) -> None:
    files = {
        "t.csv": CSV,
        "enrich/t.yml": "{name: t, kind: lookup, table: t.csv, from: host.hostname, to: {team: labels.team}}",
        "enrich/r.yml": "{name: r, kind: related}",
    }
    seen: list[str] = []

    def note(frame: pl.DataFrame) -> pl.DataFrame:
        seen.extend(frame["labels.team"].drop_nulls())
        return frame

    burst = BurstRule("teams", 1, group_by=("labels.team",))
    flow = build_flow(load_rule_set(write(tmp_path, files)), (burst,), (note,))
    lines = pl.DataFrame({"event.original": LINES, "_time": [0, 0, 0], "_id": ["a", "b", "c"]})
    processed = flow.process(lines)

    assert seen == ["shop", "data"]
    assert set(processed.signals["group"]) == {'{"labels.team":"shop"}', '{"labels.team":"data"}', "{}"}


def test_nothing_is_added_where_nothing_is_asked_for(tmp_path: Path) -> None:
    rules = load_rule_set(write(tmp_path, {}))

    assert rules.enricher is None
    assert isinstance(rules.parse(pl.DataFrame({"event.original": LINES})), ParsedBatch)
