"""URLs, paths and user agents taken apart."""

import re
from urllib.parse import urlsplit

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.events.values.dissect import build_dissectors, dissect_fields, find_parts
from parsers.events.values.dissect_path import dissect_paths
from parsers.events.values.dissect_url import dissect_urls
from parsers.events.values.dissect_user_agent import UserAgents

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
SEGMENT = st.from_regex(r"[A-Za-z0-9._~%!$&'()*+,;=:@-]{0,8}", fullmatch=True)
WORDS = st.from_regex(r"[A-Za-z0-9._~%!$&'()*+,;=:@/?-]{0,10}", fullmatch=True)
HOST = st.one_of(
    st.from_regex(r"[a-z0-9]{1,8}(?:\.[a-z]{2,5})?", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
)


def dissect(url: str) -> dict[str, str | int]:
    row = dissect_urls(pl.Series([url]), "").row(0, named=True)
    return {name: value for name, value in row.items() if value is not None}


@given(
    st.sampled_from(["http", "https", "ftp", "git+ssh"]),
    st.one_of(st.none(), st.from_regex("[a-z]{1,6}", fullmatch=True)),
    HOST, st.one_of(st.none(), st.integers(0, 65_535)), st.lists(SEGMENT, max_size=4), st.one_of(st.none(), WORDS),
    st.one_of(st.none(), WORDS),
)  # fmt: skip
def test_the_parts_put_together_are_the_url(
    scheme: str,
    user: str | None,
    host: str,
    port: int | None,
    segments: list[str],
    query: str | None,
    end: str | None,
) -> None:
    url = f"{scheme}://"
    url += f"{user}@" if user else ""
    url += host if port is None else f"{host}:{port}"
    url += "".join(f"/{segment}" for segment in segments)
    url += f"?{query}" if query else ""
    url += f"#{end}" if end else ""

    parts = dissect(url)

    again = f"{parts['scheme']}://"
    again += f"{parts['username']}@" if "username" in parts else ""
    again += str(parts["domain"])
    again += f":{parts['port']}" if "port" in parts else ""
    again += str(parts.get("path", ""))
    again += f"?{parts['query']}" if "query" in parts else ""
    again += f"#{parts['fragment']}" if "fragment" in parts else ""
    assert again == url == parts["full"]
    assert urlsplit(url).path == parts.get("path", "")


@given(st.text(max_size=40))
def test_no_text_is_too_strange_for_a_url(text: str) -> None:
    parts = dissect(text)

    assert set(parts) & {"domain", "path", "query", "fragment"} or not parts
    assert all(
        str(parts[name]) in text for name in ("path", "query", "fragment", "username") if name in parts
    )


@given(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.from_regex(r"[A-Z0-9:@!]{6,12}", fullmatch=True))
def test_passwords_are_never_kept(user: str, password: str) -> None:
    parts = dissect(f"https://{user}:{password}@example.com/a?b")

    assert parts["username"] == user
    assert parts["full"] == f"https://{user}@example.com/a?b"
    assert not any(password in str(value) for value in parts.values())


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("/a/b.tar.gz?x=1&y#z", {"path": "/a/b.tar.gz", "query": "x=1&y", "fragment": "z", "extension": "gz"}),
        ("/p.d/x.jsp;jsessionid=1", {"path": "/p.d/x.jsp;jsessionid=1", "extension": "jsp"}),
        ("//setup.php", {"path": "//setup.php", "extension": "php"}),
        ("/v1.2", {"path": "/v1.2"}), ("/.env", {"path": "/.env"}), ("/a.b/", {"path": "/a.b/"}),
        ("example.com:443", {"domain": "example.com", "port": 443}),
        ("[2001:DB8::1]:443", {"domain": "[2001:db8::1]", "port": 443}),
        ("HTTP://WWW.Example.COM", {"scheme": "http", "domain": "www.example.com", "full": "HTTP://WWW.Example.COM"}),
        ("file:///etc/hosts", {"scheme": "file", "path": "/etc/hosts", "full": "file:///etc/hosts"}),
        ("*", {}), ("-", {}), ("hello world", {}), ("http://", {}),
        ("http://:80/", {}), ("http://h:99999/", {}), ("example.com:99999", {}),
        (r"\x16\x03\x01", {}), ("C:\\x", {}), ("mailto:ada@example.com", {}),
        ("/a b", {}), ("/a\tb", {}), ("http://a]b/", {}), ("", {}),
    ],
)  # fmt: skip
def test_urls(url: str, parts: dict[str, str | int]) -> None:
    assert dissect(url) == parts


@given(
    st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True), min_size=1, max_size=4),
    st.sampled_from("/\\"),
)
def test_directory_and_name_put_together_are_the_path(names: list[str], slash: str) -> None:
    path = ("C:" if slash == "\\" else "") + slash + slash.join(names)

    parts = dissect_paths(pl.Series([path]), "").row(0, named=True)

    assert parts["directory"].rstrip(slash) + slash + parts["name"] == path


@pytest.mark.parametrize(
    ("path", "name", "directory", "extension"),
    [
        ("/srv/a.tar.gz", "a.tar.gz", "/srv", "gz"), ("a/b", "b", "a", None), ("/a", "a", "/", None),
        ("/a/", None, "/a", None),
        (r"C:\x\y.EXE", "y.EXE", r"C:\x", "EXE"), (r"\\files\docs\f.odt", "f.odt", r"\\files\docs", "odt"),
        ("/x/.profile", ".profile", "/x", None), (r"odd\name", r"odd\name", None, None), ("", None, None, None),
    ],
)  # fmt: skip
def test_paths(path: str, name: str | None, directory: str | None, extension: str | None) -> None:
    assert dissect_paths(pl.Series([path]), "").row(0) == (name, directory, extension)


def test_user_agents() -> None:
    texts = pl.Series([FIREFOX, None, IPHONE, "nothing known", FIREFOX])

    parts = UserAgents().dissect(texts, "user_agent.")

    assert parts.rows() == [
        ("Firefox", "126.0", "Linux", None, None), (None,) * 5, ("Mobile Safari", "17.5", "iOS", "17.5", "iPhone"),
        (None,) * 5, ("Firefox", "126.0", "Linux", None, None),
    ]  # fmt: skip


def test_long_and_empty_user_agents() -> None:
    parts = UserAgents().dissect(pl.Series([FIREFOX + "x" * 100_000, "", "\0"]), "")

    assert parts["name"].to_list() == ["Firefox", None, None]


def test_what_the_rule_captured_itself_stays() -> None:
    frame = pl.DataFrame({"url.original": ["/a?b", "/c?d"], "url.path": ["mine", None]})

    dissected = dissect_fields(frame, frame, build_dissectors({"url.original": "url"}, UserAgents()))

    assert dissected.to_dict(as_series=False) == {
        "url.original": ["/a?b", "/c?d"], "url.path": ["mine", "/c"], "url.query": ["b", "d"],
    }  # fmt: skip


def test_parts_of_ecs_fields_are_fields_of_ecs() -> None:
    assert find_parts("process.executable", "path") == ("process.name",)
    assert find_parts("file.path", "path") == ("file.name", "file.directory", "file.extension")
    assert find_parts("shop.path", "path") == ("shop.name", "shop.directory", "shop.extension")
    assert all(re.match(r"user_agent\.", name) for name in find_parts("user_agent.original", "user_agent"))
