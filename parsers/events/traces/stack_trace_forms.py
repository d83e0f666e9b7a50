"""How the runtimes of several languages print an exception and its stack trace."""

from dataclasses import dataclass

# com.acme.Refusal, com.acme.Shop$Closed: Java's packages are in lower case.
_PACKAGED = r"(?:[a-z_][\w$]*\.)+[A-Z][\w$]*"
_NAMED = r"(?:[A-Za-z_$][\w$]*\.)*[A-Za-z_$]?[\w$]*(?:Exception|Error|Throwable)"
# Npgsql.PostgresException (0x80004005): ..., AssertionError [ERR_ASSERTION]: ...
_CODE = r"(?: \(0x[0-9A-Fa-f]{8}\)| \[[A-Z0-9_]+\])?"
_OPENING = (
    r'(?:Exception in thread "[^"\n]*" |Unhandled [Ee]xception[.:] |Uncaught |'
    r"\(node:\d+\) UnhandledPromiseRejectionWarning: )?"
)
_MESSAGE = r"(?::[ \t]*(?P<message>(?s:.*))|[ \t\r]*$)"
_CONSTANT = r"[A-Z]\w*(?:::[A-Z]\w*)*"
_BEGIN = r"(?:^|[\s:;(\[\"'=>])"


@dataclass(frozen=True, slots=True)
class Form:
    """One way to print a trace.

    `sign` is found in every such text. `heads` are tried in turn, in the text before `until` (whose group that is)
    and name the groups `type` and `message`; `inner_heads` then in the whole text. `start` has the trace as its
    group, from its first line on; without it, or where it is not found, the trace is the lines after the first.
    `is_last`: the end of the text is looked at, not its beginning.
    """

    sign: str
    heads: tuple[str, ...] = ()
    until: str | None = None
    inner_heads: tuple[str, ...] = ()
    start: str | None = None
    is_last: bool = False


PYTHON = Form(
    sign=r"(?m)^[^\n]{0,500}Traceback \(most recent call last\):",
    heads=(
        r"(?s)^.*Traceback \(most recent call last\):[ \t\r]*\n(?:[ \t]+[^\n]*\n|\r?\n)+"
        r"(?P<type>[A-Za-z_][\w.]*)(?::[ \t]*(?P<message>.*)|\s.*)?$",
    ),
    start=r"(?s)(Traceback \(most recent call last\):.*)$",
    is_last=True,
)
GO = Form(
    sign=r"(?m)^goroutine \d+ \[",
    heads=(
        r"(?m)(?:^|[ :])(?P<type>panic|fatal error)(?: serving \S+)?: (?P<message>.*?)(?: \[recovered\])?[ \t\r]*$",
    ),
    start=r"(?m)^((?:panic: |fatal error: |goroutine \d+ \[)(?s:.*))",
)
# zap and others print the frames alone.
GO_FRAMES = Form(sign=r"(?m)^\t[^\s:]+\.go:\d+")
PHP = Form(
    sign=r"(?m)^#0 ",
    heads=(
        r"Uncaught exception '(?P<type>[\w\\]+)' with message '(?P<message>(?s:.*?))' in \S+:\d+",
        r"Uncaught (?P<type>[\w\\]+)(?:: (?P<message>(?s:.*?)))? in \S+:\d+",
        r"\b(?P<type>[A-Z][\w\\]*)\(code: [^)\n]*\): (?P<message>(?s:.*?)) at \S+:\d+\)",
        r"(?:^|[\s:])(?P<type>[A-Z][\w\\]*(?:Exception|Error)): (?P<message>(?s:.*?)) in \S+:\d+",
    ),
    start=r"(?m)^((?:\[stacktrace\]|Stack trace:|#0 )(?s:.*))",
)
# Java, Kotlin, Scala; .NET; Node.js: the exception, then lines of `at`.
AT = Form(
    sign=r"(?m)^(?:[ \t]+at (?:[^\n()]+\([^\n]*\)|[^\n]*:\d+:\d+|<[^\n>]*>)|Caused by: \S)",
    heads=(
        rf"(?m)^[ \t]*{_OPENING}(?P<type>{_NAMED}|{_PACKAGED}){_CODE}{_MESSAGE}",
        rf"{_BEGIN}(?P<type>{_NAMED}){_CODE}{_MESSAGE}",
    ),
    until=r"(?s)^(.*?)(?:\n[ \t]+at |\s+---> |\nCaused by: )",
    inner_heads=(rf"(?m)^[ \t]*Caused by: (?P<type>{_NAMED}|{_PACKAGED}){_CODE}(?::[ \t]*(?P<message>.*))?",),
    start=rf"(?m)^[ \t]*({_OPENING}(?:{_NAMED}|{_PACKAGED}){_CODE}(?::|[ \t\r]*$)(?s:.*))",
)
RUBY = Form(
    sign=r"(?m)^[ \t]*(?:from )?[^\s:][^\n:]*:\d+:in [`']",
    heads=(
        rf"(?m)^[^\s:][^\n:]*:\d+:in [`'][^\n]*?': (?P<message>(?s:.*?)) \((?P<type>{_CONSTANT})\)",
        rf"(?m)^[ \t]*(?P<type>{_CONSTANT}) \((?P<message>(?s:.*?))\):?[ \t\r]*$",
        rf"(?m){_BEGIN}(?P<type>{_CONSTANT}::[A-Z]\w*|[A-Z]\w*(?:Error|Exception)): (?P<message>.*)$",
    ),
)
FORMS = (PYTHON, GO, PHP, AT, RUBY, GO_FRAMES)
