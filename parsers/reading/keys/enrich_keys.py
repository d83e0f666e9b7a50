"""The keys of a file in `enrich`: fields that are added to all events, whatever rule took them."""

from parsers.reading.keys.field_keys import LOOKUP_KEYS, WHEN
from parsers.reading.keys.kinds import Items, Key, Keys, Text, Words
from parsers.reading.keys.rule_keys import NAME_PATTERN

_NAME = Key(
    "name", "What the enrichment is called.", Text("name", NAME_PATTERN), example="hosts", is_required=True
)
_DESCRIPTION = Key("description", "One sentence for people.", Text(), example="Who owns which host")
_WHEN = Key("when", "Only events for which this holds; as in rules.", WHEN, example="{host.name: 'web-*'}")


def _kind(word: str) -> Key:
    return Key("kind", "What is added, and from where.", Words((word,)), example=word, is_required=True)


ENRICHMENTS = (
    Keys("enrichment of kind lookup", (_NAME, _DESCRIPTION, _kind("lookup"), _WHEN, *LOOKUP_KEYS)),
    Keys(
        "enrichment of kind geoip",
        (
            _NAME,
            _DESCRIPTION,
            _kind("geoip"),
            _WHEN,
            Key(
                "database",
                "An MMDB file (City, Country or ASN), its path relative to the folder of the rules.",
                Text("path"),
                example="/var/lib/GeoIP/GeoLite2-City.mmdb",
                is_required=True,
            ),
            Key(
                "from",
                "The fields with addresses; `source.ip` fills `source.geo` and `source.as`.",
                Items(Text("field", r"\.ip$")),
                example="[source.ip, client.ip]",
                is_required=True,
            ),
        ),
    ),
    Keys("enrichment of kind related", (_NAME, _DESCRIPTION, _kind("related"), _WHEN)),
)
