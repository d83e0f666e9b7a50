"""What was thrown, from the traces that the runtimes of seven languages print."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.events.traces.stack_trace import add_errors

JAVA = "java.lang.IllegalStateException: no card\n\tat a.Shop.pay(Shop.java:7)\nCaused by: java.io.IOException: cut"
PYTHON = 'Traceback (most recent call last):\n  File "shop.py", line 7, in pay\n    charge()\nshop.PayError: no card'


def read(text: str, **captured: str) -> dict[str, str | None]:
    first, _, rest = text.partition("\n")
    frame = add_errors(pl.DataFrame({"_head": [first], "_rest": [rest or None], **captured}))
    found = frame.row(0, named=True)
    return {name: found.get(f"error.{name}") for name in ("type", "message", "stack_trace")}


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        # Java: on lines of its own, at the end of the first line, over lines, from a thread, below another's head.
        (f"cannot pay\n{JAVA}", "java.lang.IllegalStateException", "no card"),
        (f"cannot pay: {JAVA}", "java.lang.IllegalStateException", "no card"),
        (f'Exception in thread "main" {JAVA}', "java.lang.IllegalStateException", "no card"),
        ("x\ncom.acme.Refusal: no\ncard\n\tat a.B.c(D.java:7)", "com.acme.Refusal", "no\ncard"),
        ("com.acme.Refusal\n\tat a.B.c(D.java:7) ~[shop.jar:1.0]", "com.acme.Refusal", None),
        (f"failed [nested java.io.IOException: x] here\n{JAVA}", "java.lang.IllegalStateException", "no card"),
        ("no\n\tat a.B.c(D.java:7)\nCaused by: java.io.IOException: cut\n\t... 2 more", "java.io.IOException", "cut"),
        # .NET
        (
            "Unhandled exception. System.InvalidOperationException: no card\n ---> System.IO.IOException: cut\n"
            "   at Shop.Wire() in /src/Wire.cs:line 7\n   --- End of inner exception stack trace ---\n   at Shop.Pay()",
            "System.InvalidOperationException", "no card",
        ),
        ("x\nNpgsql.PostgresException (0x80004005): 23505: twice\n   at Shop.Pay(Int32 id)",
         "Npgsql.PostgresException", "23505: twice"),
        # Node.js
        ("/app/shop.js:3\n    throw x;\n    ^\n\nTypeError: no card\n    at pay (/app/shop.js:3:7)",
         "TypeError", "no card"),
        ("cannot pay Error: no card\n    at async pay (/app/shop.js:3:7)", "Error", "no card"),
        ("AssertionError [ERR_ASSERTION]: 1 == 2\n    at /app/shop.js:3:7", "AssertionError", "1 == 2"),
        # Python
        (f"cannot pay\n{PYTHON}", "shop.PayError", "no card"),
        (f"{PYTHON}\nat all", "shop.PayError", "no card\nat all"),
        (PYTHON.replace(": no card", ""), "shop.PayError", None),
        (f"{PYTHON}\n\nDuring handling of the above exception, another exception occurred:\n\n"
         + PYTHON.replace("shop.PayError: no card", "KeyError: 'a'"), "KeyError", "'a'"),
        # Go
        ("panic: no card [recovered]\n\tpanic: no card\n\ngoroutine 1 [running]:\nmain.pay()\n\t/app/pay.go:7 +0x1d",
         "panic", "no card"),
        ("http: panic serving 192.0.2.7:4242: no card\ngoroutine 7 [running]:\nmain.pay()", "panic", "no card"),
        ("fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [select]:\nmain.main()", "fatal error",
         "all goroutines are asleep - deadlock!"),
        ("cannot pay\nmain.pay\n\t/app/pay.go:7", None, None),
        # Ruby
        ("pay.rb:7:in `pay': no card (Shop::PayError)\n\tfrom pay.rb:9:in `<main>'", "Shop::PayError", "no card"),
        ("pay.rb:7:in 'Shop#pay': no card (RuntimeError)\n\tfrom pay.rb:9:in '<main>'", "RuntimeError", "no card"),
        ("Shop::PayError (no card):\n\napp/models/pay.rb:7:in `pay'", "Shop::PayError", "no card"),
        # PHP
        ("PHP Fatal error:  Uncaught Shop\\PayException: no card in /srv/pay.php:7\nStack trace:\n#0 {main}",
         "Shop\\PayException", "no card"),
        ("Uncaught exception 'PayException' with message 'no card' in /srv/pay.php:7\nStack trace:\n#0 {main}",
         "PayException", "no card"),
        ('x {"exception":"[object] (PayException(code: 0): no card at /srv/pay.php:7)\n[stacktrace]\n#0 {main}\n"}',
         "PayException", "no card"),
        # No trace
        ("stopped\n  at piston 2\ncause: heat", None, None), ("select 1\n  from a", None, None),
        ("one line: java.io.IOException: cut", None, None),
    ],
)  # fmt: skip
def test_what_was_thrown(text: str, kind: str | None, message: str | None) -> None:
    found = read(text)

    assert (found["type"], found["message"]) == (kind, message)


def test_the_trace_begins_where_the_exception_is_named() -> None:
    assert read(f"cannot pay\nfor ada\n{JAVA}")["stack_trace"] == JAVA
    assert read(f"cannot pay: {JAVA}")["stack_trace"] == JAVA.partition("\n")[2]
    assert read(JAVA)["stack_trace"] == JAVA
    assert read(f"cannot pay\n{PYTHON}")["stack_trace"] == PYTHON
    assert read("cannot pay\nmain.pay\n\t/app/pay.go:7")["stack_trace"] == "main.pay\n\t/app/pay.go:7"
    assert read("stopped\n  at piston 2")["stack_trace"] is None


def test_what_the_rule_captured_stays() -> None:
    found = read(f"2026-07-01 ERROR cannot pay\n{JAVA}", **{"error.type": "Mine", "message": "cannot pay"})

    assert found == {"type": "Mine", "message": "no card", "stack_trace": JAVA}


def test_a_captured_trace_is_read_as_well() -> None:
    frame = pl.DataFrame({"_head": ["{}", "{}"], "error.stack_trace": [JAVA, None]})

    found = add_errors(frame)

    assert found["error.type"].to_list() == ["java.lang.IllegalStateException", None]
    assert found["error.stack_trace"].to_list() == [JAVA, None]


def test_rows_keep_their_own() -> None:
    rest = [JAVA, None, PYTHON, "nothing", JAVA]
    frame = pl.DataFrame({"_head": ["x"] * 5, "_rest": rest})

    found = add_errors(frame)

    assert found["error.type"].to_list() == [
        "java.lang.IllegalStateException", None, "shop.PayError", None, "java.lang.IllegalStateException",
    ]  # fmt: skip
    assert add_errors(frame, with_trace=False).columns == ["_head", "_rest", "error.type", "error.message"]


def test_frames_without_lines_are_left_as_they_are() -> None:
    frame = pl.DataFrame({"_head": ["java.io.IOException: cut"]})

    assert add_errors(frame) is frame


PIECES = [
    "Traceback (most recent call last):", "  at a (b)", "Caused by: a.B", "#0 ", "\tfrom a:1:in `b'",
    "goroutine 1 [x]:", "", "Error", "a.b.C: d", "é", "panic: ",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=6))
def test_no_mixture_of_traces_is_too_strange(lines: list[str]) -> None:
    found = read("\n".join(["x", *lines]))

    assert found["type"] is None or found["stack_trace"]
