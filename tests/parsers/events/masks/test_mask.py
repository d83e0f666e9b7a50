import base64
import hashlib
import hmac
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.document import to_documents
from parsers.errors import RuleError
from parsers.events.masks.mask import build_masker
from parsers.events.masks.mask_forms import to_stand_in
from parsers.events.masks.mask_kinds import is_card
from parsers.load import load_rule_set, parse_rules
from parsers.model import Installation, Mask
from parsers.ruleset import RuleSet, build_rule_set

KEY = b"a key of the tests"


def mask_text(text: str, *masks: Mask) -> str:
    masker = build_masker((), Installation(masks=masks, mask_key=KEY))
    assert masker is not None
    return masker.mask_text(text)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("email", "to ada.l+x@mail.example.com, now", "to [email], now"),
        ("email", "?q=ada%40example.com&x=1", "?q=[email]&x=1"),
        ("email", r'{"m":"for\nada\u0040example.com"}', '{"m":"for [email]"}'),
        ("email", '"ada l"@example.com', "[email]"),
        ("email", "root@localhost @home a@b", "root@localhost @home a@b"),
        ("ipv4", "192.0.2.7:80 and 198.51.100.255", "[ipv4]:80 and [ipv4]"),
        ("ipv4", "IP 192.0.2.7.443 > 192.0.2.8.22:", "IP [ipv4].443 > [ipv4].22:"),
        ("ipv4", "1.2.3 and 1.2.3.4.5.6 and 300.1.1.1", "1.2.3 and 1.2.3.4.5.6 and 300.1.1.1"),
        ("ipv6", "from [2001:db8::7]:443 and fe80::1%eth0", "from [[ipv6]]:443 and [ipv6]"),
        ("ipv6", "at 10:00:00 std::add aa:bb:cc:dd:ee:ff", "at 10:00:00 std::add aa:bb:cc:dd:ee:ff"),
        ("card", "4111111111111111 5500-0000-0000-0004 3400 000000 00009", "[card] [card] [card]"),
        ("card", "2026-07-01 4111 1111 1111 1111", "2026-07-01 [card]"),
        ("card", "4111111111111112 at 1782900000123", "4111111111111112 at 1782900000123"),
        ("token", "Authorization: Bearer abc.def", "Authorization: Bearer [token]"),
        ("token", "user=ada password=hunter2, ok", "user=ada password=[token], ok"),
        ("token", '{"api_key": "a\\"b", "x": 1}', '{"api_key": "[token]", "x": 1}'),
        ("token", '{"password":12345}', '{"password":"[token]"}'),
        ("token", r'{"m":"{\"secret\":\"x y\"}"}', r'{"m":"{\"secret\":\"[token]\"}"}'),
        ("token", "postgres://ada:hunter2@db/x", "postgres://ada:[token]@db/x"),
        ("token", "key AKIAIOSFODNN7EXAMPLE", "key [token]"),
        ("token", "mysql --password hunter2 -h db", "mysql --password [token] -h db"),
        ("token", "<password>hunter2</password>", "<password>[token]</password>"),
        ("token", "-----BEGIN EC PRIVATE KEY-----\nMIIE\n-----END EC PRIVATE KEY-----\nx", "[token]\nx"),
        ("token", "Failed password for root", "Failed password for root"),
    ],
)
def test_values_of_each_kind_are_found(kind: Any, text: str, expected: str) -> None:
    assert mask_text(text, Mask("*", kind)) == expected


def test_a_mask_may_have_a_pattern_of_its_own() -> None:
    assert mask_text("badge-12345 opened", Mask("*", "custom", pattern="badge-[0-9]{5}")) == "[custom] opened"


def test_equal_values_have_equal_hashes_that_only_the_key_gives() -> None:
    digest = hmac.digest(KEY, b"email:ada@example.com", hashlib.sha256).hex()[:8]

    assert mask_text("ada@example.com Ada%40example.com", Mask("*", "email", "hash")) == (
        f"[email:{digest}] [email:{digest}]"
    )
    other = build_masker((), Installation(masks=(Mask("*", "email", "hash"),), mask_key=b"other"))
    assert other is not None
    assert digest not in other.mask_text("ada@example.com")


@given(st.text("0123456789", min_size=12, max_size=18))
def test_a_card_has_exactly_one_check_digit(digits: str) -> None:
    fitting = [check for check in "0123456789" if is_card(digits + check)]
    may_be = digits[0] not in "01" or (digits[0] == "1" and len(digits) == 14)

    assert len(fitting) == int(may_be)


@given(
    st.text(min_size=1),
    st.integers(0, 40),
    st.integers(0, 5000),
    st.sampled_from(["email", "ipv4", "ipv6", "custom"]),
)
def test_stand_ins_of_one_event_differ(value: str, mask: int, number: int, kind: str) -> None:
    here = to_stand_in(kind, value, mask, number)
    if here.startswith("zq") or kind != "custom":
        assert here not in {
            to_stand_in(kind, value, mask, number + 1),
            to_stand_in(kind, value, mask + 1, number),
        }
    assert to_stand_in(kind, value, mask, number) == here


RULES = r"""
name: door
patterns: ['^(?P<source.ip>\S+) (?P<user.email>\S+)@(?P<user.domain>\S+) paid (?P<depot.card>\d+) (?P<message>.*)$']
types: {depot.card: long}
tests: [{line: '192.0.2.1 a@b paid 1 c', expect: {message: c}}]
---
name: door_json
priority: 1
format: json
tests: [{line: '{"a":1}', expect: {json.a: 1}}]
"""
MASKS = (Mask("*", "email"), Mask("*", "ipv4", "hash"), Mask("*", "card"))


def parse(rules: RuleSet, lines: list[str], **context: list[Any]) -> list[dict[str, Any]]:
    frame = pl.DataFrame({"event.original": lines, "_time": [0] * len(lines), **context})
    blocks = rules.parse(frame).blocks
    rows = [row for block in blocks for row in block.frame["_row"]]
    texts = [text for block in blocks for text in to_documents(block.frame)]
    return [msgspec.json.decode(text) for _, text in sorted(zip(rows, texts, strict=True))]


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return build_rule_set(parse_rules(RULES), installation=Installation(masks=MASKS, mask_key=KEY))


def test_what_rules_cut_out_of_a_value_is_cut_out_of_its_stand_in(rules: RuleSet) -> None:
    (found,) = parse(rules, ["192.0.2.7 ada@example.com paid 4111111111111111 by ada@example.com"])

    assert found["rule"]["name"] == "door"
    assert found["message"] == "by [email]"
    assert "ada" not in str(found)
    assert "example" not in str(found)
    # A number cannot hold a word, and an address neither.
    assert "depot" not in found
    assert "ip" not in found["source"]
    assert found["source"]["address"].startswith("[ipv4:")


def test_numbers_in_json_stay_json(rules: RuleSet) -> None:
    (found,) = parse(rules, ['{"card":4111111111111111,"ips":["192.0.2.7"],"n":4111111111111112}'])

    assert found["json"]["card"] == "[card]"
    assert found["json"]["ips"][0].startswith("[ipv4:")
    assert found["json"]["n"] == 4111111111111112


def test_what_the_record_brought_along_is_masked(rules: RuleSet) -> None:
    context: dict[str, list[Any]] = {
        "host.ip": [["192.0.2.7", "fe80::1"]],
        "log.file.path": ["/home/ada@example.com/x.log"],
        "tags": [["a", "for ada@example.com"]],
    }
    (found,) = parse(rules, ["x"], **context)

    assert found["host"]["ip"] == ["fe80::1"]
    assert found["log"]["file"]["path"] == "/home/[email]/x.log"
    assert found["tags"] == ["a", "for [email]", "_unparsed"]


def test_a_raw_record_is_masked_or_left_out(rules: RuleSet) -> None:
    def encode(data: bytes) -> str:
        return base64.b64encode(data).decode()

    column = "tailrace.original_base64"
    found = parse(
        rules,
        ["caf\ufffd ada@example.com", "caf\ufffd", "lost ada@example.com"],
        **{column: [encode(b"caf\xe9 ada@example.com"), encode(b"caf\xe9"), encode(b"\xff")]},
    )
    raw = [document.get("tailrace", {}).get("original_base64") for document in found]

    assert raw == [encode(b"caf\xe9 [email]"), encode(b"caf\xe9"), None]


lines = st.lists(
    st.sampled_from(
        [
            "192.0.2.7 ada@example.com paid 4111111111111111 by bob@example.com",
            "192.0.2.8 bob@example.com paid 7 well",
            '{"a":"ada@example.com 192.0.2.7","b":5500000000000004}',
            "nothing here",
            "198.51.100.1 198.51.100.2 198.51.100.1 ada@example.com",
        ]
    ),
    min_size=1,
    max_size=8,
)


@given(lines)
def test_the_cut_of_a_batch_changes_no_masked_document(drawn: list[str]) -> None:
    rules = build_rule_set(parse_rules(RULES), installation=Installation(masks=MASKS, mask_key=KEY))

    assert parse(rules, drawn) == [document for line in drawn for document in parse(rules, [line])]


OWN = RULES.replace(
    "tests: [{line: '192",
    "mask: {field: user.email, kind: custom, pattern: '.+', how: hash}\ntests: [{line: '192",
)


def test_a_mask_of_a_field_masks_its_value_wherever_it_stands_in_the_event() -> None:
    rules = build_rule_set(parse_rules(OWN), installation=Installation(mask_key=KEY))
    found = parse(
        rules,
        ["192.0.2.7 ada.lovelace@example.com paid 7 for ada.lovelace", "ada.lovelace"],
        **{"labels.who": ["ada.lovelace", "ada.lovelace"]},
    )
    word = found[0]["user"]["email"]

    assert word.startswith("[custom:")
    assert found[0]["event"]["original"] == f"192.0.2.7 {word}@example.com paid 7 for {word}"
    assert found[0]["message"] == f"for {word}"
    assert found[0]["labels"] == {"who": word}
    assert found[0]["source"]["ip"] == "192.0.2.7"
    assert found[1]["message"] == "ada.lovelace"


def test_a_line_that_writes_a_masked_value_in_another_way_is_withheld() -> None:
    text = (
        "name: door\nformat: json\nrename: {who: user.name}\n"
        "mask: {field: user.name, kind: custom, pattern: '.+'}\n"
        "tests: [{line: '{\"who\":\"a\"}', expect: {user.name: '[custom]'}}]\n"
    )
    (found,) = parse(build_rule_set(parse_rules(text)), [r'{"who":"ad\u0061 \"l\"","n":1}'])

    assert found["user"]["name"] == "[custom]"
    assert found["event"]["original"] == "[custom]"
    assert found["json"] == {"n": 1}


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ("{field: message}", "a mask has no 'kind'"),
        ("{kind: email}", "a mask has no 'field'"),
        ("{field: message, kind: mail}", "'kind' cannot be 'mail'; did you mean 'email'?"),
        ("{field: message, kind: email, how: drop}", "'how' cannot be 'drop'"),
        ("{field: message, kind: custom}", "a mask of kind 'custom' has no 'pattern'"),
        ("{field: message, kind: email, pattern: x}", "the kind 'email' has a pattern of its own"),
        ("{field: message, kind: custom, pattern: '('}", "the mask's pattern cannot be used: unclosed group"),
        ("{field: message, kind: custom, pattern: 'x*'}", "the mask's pattern matches an empty text"),
        ("{field: 'a b', kind: email}", "'a b' is not a field name"),
    ],
)
def test_mistakes_are_told(mask: str, words: str) -> None:
    with pytest.raises(RuleError, match=r"a\.yml:3:\d+: error") as caught:
        parse_rules(f"name: a\npatterns: [x]\nmask: {mask}\n", "a.yml")

    assert words in str(caught.value)


def test_a_hash_without_a_key_is_refused_where_the_settings_are_known(tmp_path: Any) -> None:
    (tmp_path / "door.yml").write_text(OWN)

    assert load_rule_set(tmp_path).masker is not None
    with pytest.raises(RuleError, match="'how: hash' without a key"):
        load_rule_set(tmp_path, installation=Installation())
    assert load_rule_set(tmp_path, installation=Installation(mask_key=KEY)).masker is not None


def test_changed_rules_keep_the_masks_of_the_installation(rules: RuleSet) -> None:
    changed = build_rule_set(parse_rules(RULES.replace("paid", "gave")), earlier=rules)

    assert parse(changed, ["x ada@example.com"])[0]["message"] == "x [email]"


def test_without_masks_nothing_is_looked_at() -> None:
    assert build_rule_set(parse_rules(RULES)).masker is None
