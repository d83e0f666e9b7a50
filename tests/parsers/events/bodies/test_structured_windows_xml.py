from xml.sax.saxutils import escape

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.events.bodies.structured import read_windows_xml_bodies
from parsers.model import Body
from tests.parsers.events.bodies.reading import PLAIN, read_one

SYSTEM = (
    '<System><Provider Name="Depot"/><EventID Qualifiers="0">17</EventID><Level>3</Level>'
    '<TimeCreated SystemTime="2026-07-01T10:00:00.1234567Z"/><Execution ProcessID="7" ThreadID="8"/>'
    "<Computer>pc-7</Computer></System>"
)


def build_event(inner: str, head: str = "") -> str:
    return (
        f'{head}<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event">{SYSTEM}{inner}</Event>'
    )


def read(
    text: str | None, *wanted: str, body: Body = PLAIN
) -> tuple[dict[str, str], dict[str, dict[str, str]]] | None:
    return read_one(read_windows_xml_bodies, text, *wanted, body=body)


def read_rest(inner: str) -> dict[str, dict[str, str]]:
    found = read(build_event(inner))
    assert found is not None
    return found[1]


def test_the_system_part() -> None:
    assert read(build_event(""), "SystemTime") == (
        {
            "SystemTime": "2026-07-01T10:00:00.1234567Z", "event.provider": "Depot", "event.code": "17",
            "log.level": "warning", "process.pid": "7", "process.thread.id": "8", "host.name": "pc-7",
        },
        {},
    )  # fmt: skip


def test_event_data_with_and_without_names() -> None:
    inner = (
        '<EventData><Data Name="User">ada &amp; <![CDATA[<eve>]]></Data><Data>one</Data><Data>two</Data>'
        '<Data Name="Empty"/><Binary>00FF</Binary></EventData>'
    )
    assert read_rest(inner) == {
        "event_data": {"User": "ada & <eve>", "param1": "one", "param2": "two", "Empty": "", "Binary": "00FF"}
    }
    found = read(build_event(inner), "User")
    assert found is not None
    assert found[0]["User"] == "ada & <eve>"


def test_user_data_keeps_its_path() -> None:
    inner = '<UserData><Cleared xmlns="urn:x"><User>ada</User><In><Deep>1</Deep></In></Cleared></UserData>'

    assert read_rest(inner) == {"user_data": {"User": "ada", "In.Deep": "1"}}


def test_what_was_rendered_goes_before_numbers() -> None:
    found = read(
        build_event(
            "<RenderingInfo><Message>a\n\nb</Message><Task>Gates</Task><Level>Warnung</Level>"
            "<Keywords><Keyword>x</Keyword><Keyword>y</Keyword></Keywords></RenderingInfo>"
        )
    )
    assert found is not None
    assert {
        "message": "a\n\nb",
        "winlog.task": "Gates",
        "winlog.keywords": "x, y",
        "log.level": "warning",
    }.items() <= found[0].items()


def test_a_prefix_and_a_declaration_do_not_matter() -> None:
    text = "<?xml version='1.0'?><e:Event xmlns:e='urn:x'><e:System><e:EventID>5</e:EventID></e:System></e:Event>"

    assert read(text) == ({"event.code": "5"}, {})


def test_user_data_that_nests_deep_is_one_text() -> None:
    inner = "<UserData><own>" + "<a>" * 50 + "x" + "</a>" * 50 + "</own></UserData>"

    assert read_rest(inner) == {"user_data": {".".join("a" * 16): "x"}}


def test_characters_that_xml_forbids_are_replaced() -> None:
    inner = '<EventData><Data Name="a">x\x01y&#x2;&#31;</Data></EventData>'

    assert read_rest(inner) == {"event_data": {"a": "x�y��"}}


BILLION_LAUGHS = '<!DOCTYPE Event [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE Event [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "<Events/>",
        "<Event>",
        "<Event><System></Event>",
        build_event("") + build_event(""),
        build_event("<EventData><Data>&a;</Data></EventData>"),
        build_event("<EventData><Data>&b;</Data></EventData>", BILLION_LAUGHS),
        build_event("<EventData><Data>&a;</Data></EventData>", OUTSIDE),
        build_event("", "<!DOCTYPE Event SYSTEM 'http://example.com/x.dtd'>"),
        "<!-- a comment --><Event/>",
        "<Event/>" + BILLION_LAUGHS,
        None,
    ],
)
def test_not_an_event(text: str | None) -> None:
    assert read(text) is None


def test_values_beyond_the_limit_become_one_text() -> None:
    inner = "<EventData>" + "".join(f"<Data Name='k{at}'>{at}</Data>" for at in range(4)) + "</EventData>"
    found = read(build_event(inner), body=Body(max_fields=2))

    assert found is not None
    assert found[1] == {"event_data": {"k0": "0", "k1": "1", "_beyond": '{"k2":"2","k3":"3"}'}}


VALUES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=8)


@given(st.dictionaries(st.text("abcXYZ_", min_size=1, max_size=4), VALUES, min_size=1, max_size=4))
@settings(deadline=None, max_examples=60)
def test_escaped_values_come_back(pairs: dict[str, str]) -> None:
    data = "".join(f'<Data Name="{name}">{escape(value)}</Data>' for name, value in pairs.items())

    assert read_rest(f"<EventData>{data}</EventData>") == {
        "event_data": {name: value.strip() for name, value in pairs.items()}
    }


@given(st.lists(st.text("<>/EventSysm \"='&!", max_size=20), max_size=5))
@settings(deadline=None, max_examples=60)
def test_a_text_never_raises(texts: list[str]) -> None:
    events = [f"<Event>{text}</Event>" for text in texts]

    assert len(read_windows_xml_bodies(pl.Series(events, dtype=pl.String), {}, Body()).matched) == len(texts)
