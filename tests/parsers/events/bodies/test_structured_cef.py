import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.ecs import load_field_types
from parsers.events.bodies.cef_keys import CEF_FIELDS, LEEF_FIELDS
from parsers.events.bodies.structured import read_cef_bodies, read_leef_bodies
from parsers.model import Body
from tests.parsers.events.bodies.reading import PLAIN, read_all, read_one

HEAD = "CEF:0|Acme|Wall|7.2|17|Blocked|5|"


def read(text: str | None, *wanted: str, body: Body = PLAIN) -> tuple[dict[str, str], dict[str, str]] | None:
    return read_one(read_cef_bodies, text, *wanted, body=body)


def read_leef(text: str | None, *wanted: str) -> tuple[dict[str, str], dict[str, str]] | None:
    return read_one(read_leef_bodies, text, *wanted)


def read_extension(extension: str, *wanted: str) -> tuple[dict[str, str], dict[str, str]]:
    """The columns that do not come from the header, and the rest."""
    found = read(HEAD + extension, *wanted)
    plain = read(HEAD)
    assert found is not None
    assert plain is not None
    return {name: value for name, value in found[0].items() if plain[0].get(name) != value}, found[1]


def test_the_header() -> None:
    assert read(r"CEF:1|Acme \| Sons|Wa\\ll|7.2|17|Blocked|Very-High|") == (
        {
            "cef.version": "1",
            "cef.name": "Blocked",
            "cef.severity": "Very-High",
            "observer.vendor": "Acme | Sons",
            "observer.product": "Wa\\ll",
            "observer.version": "7.2",
            "event.code": "17",
            "event.severity": "9",
            "message": "Blocked",
        },
        {},
    )
    assert read("CEF:0|Acme|Wall|7.2|17|Blocked|odd|") is not None


def test_keys_of_the_dictionary_in_both_names_become_ecs_fields() -> None:
    assert read_extension("src=192.0.2.1 destinationAddress=198.51.100.2 spt=7 proto=UDP outcome=FAILED act=a b") == (
        {
            "source.ip": "192.0.2.1", "destination.ip": "198.51.100.2", "source.port": "7",
            "network.transport": "udp", "event.outcome": "failure", "event.action": "a b",
        },
        {},
    )  # fmt: skip


def test_values_that_ecs_does_not_take_stay_where_they_are() -> None:
    assert read_extension("outcome=maybe deviceDirection=7 end=soon start=Jul 01 2026 10:00:00") == (
        {"event.start": "2026-07-01T10:00:00.000Z"},
        {"outcome": "maybe", "deviceDirection": "7", "end": "soon"},
    )


def test_a_value_runs_to_the_next_key() -> None:
    assert read_extension("msg=a  b = c request=/x?q=1&r=2 last=end ") == (
        {"message": "a  b = c", "url.original": "/x?q=1&r=2"},
        {"last": "end"},
    )
    assert read_extension("no pairs here") == ({}, {"_text": "no pairs here"})
    assert read_extension("oops a=1") == ({}, {"_text": "oops", "a": "1"})


def test_custom_keys_are_named_by_their_labels() -> None:
    extension = "cs1=deny all cs1Label=Rule Name: 7.1 cn2Label=left over c6a4=2001:db8::1 C6a4Label=IPv6 flexString1=x"

    assert read_extension(extension) == (
        {},
        {"Rule_Name_7_1": "deny all", "cn2Label": "left over", "IPv6": "2001:db8::1", "flexString1": "x"},
    )


def test_a_wanted_key_is_left_to_the_rule() -> None:
    assert read_extension("suser=ada duser=root cs1=x cs1Label=Team", "suser", "Team") == (
        {"suser": "ada", "destination.user.name": "root", "Team": "x"},
        {},
    )


def test_separators_of_the_reader_in_a_text_do_not_part_it() -> None:
    assert read_extension("a=1\x1eb\x1f2 c=3") == (
        {},
        {"a": "1\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}2", "c": "3"},
    )


@pytest.mark.parametrize("text", ["", "CEF:0|a|b|c|d|e", "CEF:x|a|b|c|d|e|5|", "CEF:0", "text", None])
def test_not_cef(text: str | None) -> None:
    assert read(text) is None


def test_fields_are_those_of_ecs() -> None:
    known = load_field_types()

    assert [name for name in {*CEF_FIELDS.values(), *LEEF_FIELDS.values()} if name not in known] == []


def test_leef() -> None:
    found = read_leef("LEEF:2.0|Acme|Watch|6.5|41|^|src=192.0.2.1^a=b = c^^usrName=ada l^junk")

    assert found == (
        {
            "leef.version": "2.0", "observer.vendor": "Acme", "observer.product": "Watch", "observer.version": "6.5",
            "event.code": "41", "source.ip": "192.0.2.1", "user.name": "ada l",
        },
        {"a": "b = c", "_text": "junk"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("tail", "rest"),
    [
        ("1.0|A|B|1|x|a=1 2\tb=3", {"a": "1 2", "b": "3"}),
        ("1.0|A|B|1|x|a=1 2 b=3", {"a": "1 2", "b": "3"}),
        ("2.0|A|B|1|x||a=1 2\tb=3", {"a": "1 2", "b": "3"}),
        ("2.0|A|B|1|x|a=1 2\tb=3", {"a": "1 2", "b": "3"}),
        (r"2.0|A|B|1|x|\t|a=1|2" + "\tb=3", {"a": "1|2", "b": "3"}),
        ("2.0|A|B|1|x|x7C|a=1 2|b=3", {"a": "1 2", "b": "3"}),
        ("2.0|A|B|1|x|0x5e|a=1 2^b=3", {"a": "1 2", "b": "3"}),
        ("2.0|A|B|1|x| |a=1 2 b=3", {"a": "1 2", "b": "3"}),
        ("2.0|A|B|1|x", {}),
    ],
)
def test_delimiters_of_leef(tail: str, rest: dict[str, str]) -> None:
    found = read_leef("LEEF:" + tail)

    assert found is not None
    assert found[1] == rest


@pytest.mark.parametrize("text", ["", "LEEF:3.0|A|B|1|x|", "LEEF:1.0|A|B|1", "CEF:0|a|b|c|d|e|5|", None])
def test_not_leef(text: str | None) -> None:
    assert read_leef(text) is None


KEYS = st.from_regex(re.compile("[xyz][a-z0-9]{0,3}"), fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\x1e\x1f\0"), max_size=10)
HEADERS = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), min_size=1, max_size=6).filter(
    lambda text: text != "-"
)


def escape(text: str, characters: str) -> str:
    for character in "\\" + characters:
        text = text.replace(character, "\\" + character)
    return text.replace("\n", r"\n").replace("\r", r"\r")


@given(st.dictionaries(KEYS, VALUES, max_size=4), HEADERS, HEADERS)
@settings(deadline=None, max_examples=100)
def test_what_is_escaped_comes_back(pairs: dict[str, str], vendor: str, name: str) -> None:
    extension = " ".join(f"{key}={escape(value, '=')}" for key, value in pairs.items())
    found = read(f"CEF:0|{escape(vendor, '|')}|Wall|7.2|17|{escape(name, '|')}|5|{extension}")

    assert found is not None
    assert found[0].get("observer.vendor") == vendor
    assert found[0].get("cef.name") == name
    # Blanks around a value belong to what parts it from the next.
    assert {key: value.strip() for key, value in found[1].items()} == {
        key: value.strip() for key, value in pairs.items()
    }


@given(
    st.lists(
        st.text("CEF:0|a\\= srcpt1Label", max_size=30).map(lambda tail: HEAD + tail) | st.text(max_size=9),
        max_size=5,
    )
)
@settings(deadline=None, max_examples=60)
def test_a_batch_reads_as_its_texts_do(texts: list[str]) -> None:
    assert read_all(read_cef_bodies, texts, "spt") == [read(text, "spt") for text in texts]


@given(
    st.lists(
        st.text("=^| \tsrcab\\x5E", max_size=20).map(lambda tail: "LEEF:2.0|A|B|1|x|" + tail), max_size=5
    )
)
@settings(deadline=None, max_examples=60)
def test_a_batch_of_leef_reads_as_its_texts_do(texts: list[str]) -> None:
    assert read_all(read_leef_bodies, texts, "a") == [read_leef(text, "a") for text in texts]
