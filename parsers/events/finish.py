"""Completes a rule's rows to ECS events: fixed fields, message, tags, and what went wrong with the time."""

from collections.abc import Sequence

import polars as pl

from parsers.ecs import ECS_VERSION
from parsers.events.columns import find_texts, put_columns, repeat_value
from parsers.events.compile import CompiledRule
from parsers.events.guess import guess_fields
from parsers.events.prepare import CUT, HEAD, LATE, REST, TAIL, TIMED, append_tail
from parsers.events.refine import DATE_IMPLAUSIBLE, DATE_UNREADABLE
from parsers.events.times.times import UTC_MILLISECONDS
from parsers.events.traces.stack_trace import TRACE, add_errors
from parsers.events.values.levels import add_fixed_level, add_levels
from parsers.events.values.literal import repeat_literal, to_literal
from parsers.model import Value


def finish_parsed(frame: pl.DataFrame, chain: Sequence[CompiledRule]) -> pl.DataFrame:
    """The events of the last rule of `chain`; fixed fields of the rules before it fill in for its own."""
    rule = chain[-1].rule
    fixed: dict[str, Value] = {}
    for compiled in chain:
        fixed.update(compiled.rule.set)
    level = fixed.pop("log.level", None)
    frame = _add_fixed(frame, fixed)
    if isinstance(level, str):
        frame = add_fixed_level(frame, level)
    lines_go_to = next(
        (item.rule.multiline.field for item in reversed(chain) if item.rule.multiline), "message"
    )
    frame = add_errors(frame, with_trace=lines_go_to != TRACE)
    frame = _add_message(frame, lines_go_to)
    frame = put_columns(frame, _name_rule(rule.dataset, rule.name, frame.height))
    if LATE in frame.columns:
        frame = add_tag(frame, "_timeout", frame[LATE])
    if CUT in frame.columns:
        frame = add_tag(frame, "_message_cut", frame[CUT])
    return _add_time(frame)


def _name_rule(dataset: str, name: str, height: int) -> list[pl.Series]:
    return [
        repeat_value("event.kind", "event", height),
        repeat_value("event.dataset", dataset, height),
        repeat_value("rule.name", name, height),
        repeat_value("ecs.version", ECS_VERSION, height),
    ]


def finish_unparsed(frame: pl.DataFrame, timed_out: pl.Series, default_timezone: str = "UTC") -> pl.DataFrame:
    """Events that no rule took: the whole text as message, tagged `_unparsed` (and `_timeout`); see `guess_fields`."""
    frame = add_errors(add_levels(guess_fields(frame, default_timezone)))
    fixed = [pl.lit("pipeline_error").alias("event.kind"), pl.lit(ECS_VERSION).alias("ecs.version")]
    if "event.dataset" not in frame.columns:
        fixed.append(pl.lit("generic").alias("event.dataset"))
    else:
        fixed.append(pl.col("event.dataset").fill_null("generic"))
    message = pl.col("event.original")
    if CUT in frame.columns:
        message = pl.when(pl.col(CUT)).then(pl.col(HEAD)).otherwise(message)
    frame = frame.with_columns(message.alias("message"), *fixed)
    frame = add_tag(frame, "_unparsed", pl.repeat(True, frame.height, eager=True))
    if CUT in frame.columns:
        frame = add_tag(frame, "_message_cut", frame[CUT])
    return _add_time(add_tag(frame, "_timeout", timed_out))


def add_tag(frame: pl.DataFrame, tag: str, rows: pl.Series) -> pl.DataFrame:
    """Appends `tag` to `tags` (List(String)) of the rows given by a Boolean series."""
    if not rows.any():
        return frame
    tags = pl.col("tags").fill_null([]) if "tags" in frame.columns else pl.lit([], dtype=pl.List(pl.String))
    added = pl.concat_list(tags, pl.lit(tag))
    kept = pl.col("tags") if "tags" in frame.columns else pl.lit(None, dtype=pl.List(pl.String))
    return frame.with_columns(pl.when(rows).then(added).otherwise(kept).alias("tags"))


def _add_fixed(frame: pl.DataFrame, fixed: dict[str, Value]) -> pl.DataFrame:
    whole, partial = [], []
    for name, value in fixed.items():
        known = frame.get_column(name, default=None)
        if known is None or known.null_count() == frame.height:
            whole.append(repeat_literal(name, value, frame.height))
        elif known.null_count():
            column = pl.col(name)
            if isinstance(value, list) and not isinstance(known.dtype, pl.List):
                # One value where the rule fixes several: ECS's arrays hold both.
                column = pl.when(column.is_not_null()).then(pl.concat_list(column.cast(pl.String)))
            partial.append(pl.coalesce(column, to_literal(name, value)).alias(name))
    if whole:
        frame = put_columns(frame, whole)
    return frame.with_columns(partial) if partial else frame


def _add_message(frame: pl.DataFrame, field: str) -> pl.DataFrame:
    if "message" not in frame.columns:
        frame = put_columns(frame, [frame[HEAD].alias("message")])
    elif frame["message"].null_count():
        frame = frame.with_columns(pl.col("message").fill_null(pl.col(HEAD)))
    if TAIL in frame.columns and find_texts(frame, "message") is not None:
        frame = frame.with_columns(append_tail(frame["message"], frame).alias("message"))
    if REST not in frame.columns or frame[REST].null_count() == frame.height:
        return frame
    if field not in frame.columns:
        return frame.with_columns(pl.col(REST).alias(field))
    joined = pl.concat_str([pl.col(field), pl.col(REST)], separator="\n", ignore_nulls=True)
    return frame.with_columns(
        pl.when(pl.col(REST).is_null()).then(pl.col(field)).otherwise(joined).alias(field)
    )


def _add_time(frame: pl.DataFrame) -> pl.DataFrame:
    if "@timestamp" not in frame.columns:
        recorded = frame["_time"].cast(UTC_MILLISECONDS).alias("@timestamp")
        frame = put_columns(frame, [recorded, repeat_value(TIMED, False, frame.height)])
    elif not frame["@timestamp"].null_count():
        frame = put_columns(frame, [repeat_value(TIMED, True, frame.height)])
    else:
        times = frame["@timestamp"]
        timed = times.is_not_null().alias(TIMED)
        frame = put_columns(frame, [times.zip_with(timed, frame["_time"].cast(UTC_MILLISECONDS)), timed])
    if frame["@timestamp"].null_count():
        # Only a caller without any record time (a notebook) comes here; a document has to have some time.
        frame = frame.with_columns(pl.col("@timestamp").fill_null(pl.lit(0).cast(UTC_MILLISECONDS)))
    for column, tag, words in (
        (DATE_UNREADABLE, "_dateparsefailure", "cannot read the time: "),
        (DATE_IMPLAUSIBLE, "_dateoutofrange", "before 1970, or more than a day after its record: "),
    ):
        if column in frame.columns:
            message = pl.lit(words) + pl.col(column)
            if "error.message" in frame.columns:
                message = pl.coalesce("error.message", message)
            frame = add_tag(frame, tag, frame[column].is_not_null()).with_columns(
                message.alias("error.message")
            )
    return frame
