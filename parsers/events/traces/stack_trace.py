"""Finds what was thrown in the lines of a stack trace: error.type, error.message, error.stack_trace.

Knows the traces of Java and its kin, .NET, Node.js, Python, Go, Ruby and PHP, as their runtimes print them.
"""

from collections.abc import Sequence
from functools import lru_cache

import polars as pl

from parsers.events.columns import fill_from, find_texts
from parsers.events.prepare import HEAD, REST
from parsers.events.traces.stack_trace_forms import FORMS, Form
from parsers.patterns.lanes import run_in_lane

# What was thrown stands in the first characters of a trace, or in the last.
LOOKED_AT = 65_536
TYPE, MESSAGE, TRACE = "error.type", "error.message", "error.stack_trace"


def add_errors(frame: pl.DataFrame, *, with_trace: bool = True) -> pl.DataFrame:
    """Adds `error.type`, `error.message` and `error.stack_trace` to events whose lines hold a stack trace.

    Looked at are events of several lines (their `message`, or their first line, and the lines after it), and those
    whose rule captured `error.stack_trace`. What a rule captured stays. `with_trace` False: the rule itself says
    where the lines go, so `error.stack_trace` is left alone. The trace begins with the line that names the exception
    if that begins with the name, else with the line after it.

    Of nested exceptions Java's and .NET's outermost counts, and Python's last: what the program ended with.
    """
    texts = _find_texts(frame)
    if texts is None:
        return frame
    rows = texts.is_not_null().arg_true()
    found = _read_traces(texts.gather(rows))
    wanted = (TYPE, MESSAGE, TRACE) if with_trace else (TYPE, MESSAGE)
    columns = []
    for name in wanted:
        column = found[name]
        if column.null_count() == len(column):
            continue
        column = pl.Series([None], dtype=pl.String).new_from_index(0, frame.height).scatter(rows, column)
        if name in frame.columns:
            column = fill_from(frame[name].cast(pl.String), column)
        columns.append(column.alias(name))
    return frame.with_columns(columns) if columns else frame


def _find_texts(frame: pl.DataFrame) -> pl.Series | None:
    """The texts to look at, null for events without any; None where no event has one."""
    choices: list[pl.Expr] = []
    if REST in frame.columns and frame[REST].null_count() < frame.height:
        first = pl.coalesce("message", HEAD) if "message" in frame.columns else pl.col(HEAD)
        lines = pl.concat_str([first, pl.col(REST)], separator="\n")
        choices.append(pl.when(pl.col(REST).is_not_null()).then(lines))
    if find_texts(frame, TRACE) is not None:
        choices.append(pl.col(TRACE))
    if not choices:
        return None
    texts = frame.select(pl.coalesce(choices).alias("text"))["text"]
    return None if texts.null_count() == len(texts) else texts


def _read_traces(texts: pl.Series) -> pl.DataFrame:
    """Columns `error.type`, `error.message`, `error.stack_trace` for texts without nulls."""
    left = pl.DataFrame({"row": pl.int_range(len(texts), eager=True), "text": texts})
    done = []
    for form in FORMS:
        found, left = run_in_lane(form, _take_form, form, left)
        if found is not None:
            done.append(found)
        if not left.height:
            break
    nothing = [pl.Series(name, [None], dtype=pl.String) for name in (TYPE, MESSAGE, TRACE)]
    rest = [column.new_from_index(0, left.height) for column in nothing]
    return pl.concat([*done, left.select("row").hstack(rest)]).sort("row")


def _take_form(form: Form, rows: pl.DataFrame) -> tuple[pl.DataFrame | None, pl.DataFrame]:
    """What the traces of a form say (None where there is none), and the rows that are of other forms."""
    is_one = rows.select(_plan_sign(form)).to_series()
    if not is_one.any():
        return None, rows
    heads, taken = _plan_form(form)
    # One after another, in this thread: Polars would give several to threads that have not compiled them.
    return rows.filter(is_one).with_columns_seq(heads).select_seq(taken), rows.filter(~is_one)


# Polars compiles the regexes of an expression to build it: once, not in every batch.
@lru_cache(maxsize=len(FORMS))
def _plan_sign(form: Form) -> pl.Expr:
    return _look_at(form).str.contains(form.sign)


@lru_cache(maxsize=len(FORMS))
def _plan_form(form: Form) -> tuple[list[pl.Expr], list[pl.Expr]]:
    """What is taken out of texts first, and what is made of it."""
    text, looked_at = pl.col("text"), _look_at(form)
    if form.until is not None:
        looked_at = pl.coalesce(looked_at.str.extract(form.until, 1), looked_at)
    heads = [looked_at.str.extract_groups(head) for head in form.heads]
    heads += [text.str.head(LOOKED_AT).str.extract_groups(head) for head in form.inner_heads]
    # Taken out once, as type and message are both read from them.
    names = [f"head_{at}" for at in range(len(heads))]
    rest = text.str.extract(r"(?s)^[^\n]*\n(.*)$", 1)
    start = text.str.extract(form.start, 1) if form.start is not None else rest
    message = _take(names, "message").str.strip_chars()
    taken = [
        pl.col("row"),
        _take(names, "type").alias(TYPE),
        pl.when(message != "").then(message).alias(MESSAGE),
        pl.coalesce(start, rest, text).str.strip_chars_end("\r\n").alias(TRACE),
    ]
    return [head.alias(name) for name, head in zip(names, heads, strict=True)], taken


def _look_at(form: Form) -> pl.Expr:
    text = pl.col("text")
    return text.str.tail(LOOKED_AT) if form.is_last else text.str.head(LOOKED_AT)


def _take(heads: Sequence[str], group: str) -> pl.Expr:
    """The group of the first head that matched; null where it took no part there, or none matched."""
    taken = pl.lit(None, dtype=pl.String)
    for head in reversed(heads):
        kind = pl.col(head).struct.field("type")
        taken = pl.when(kind.is_not_null()).then(pl.col(head).struct.field(group)).otherwise(taken)
    return taken
