"""`tailrace rules schema`: the language of the rules, for editors and for people."""

import json
from pathlib import Path

import click


@click.command()
@click.option(
    "--kind",
    type=click.Choice(["rule", "burst", "enrich"]),
    default="rule",
    show_default=True,
    help="Whose files: rules, burst rules (rules/bursts) or enrichments (rules/enrich).",
)
@click.option(
    "--reference", is_flag=True, help="Print the tables of all keys in Markdown in place of the schema."
)
@click.option(
    "--into",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, writable=True),
    help="With --reference: write the tables into this page, between its two marks.",
)
def schema(kind: str, reference: bool, into: Path | None) -> None:
    """Print the JSON Schema (draft 7) of rule files.

    An editor completes and checks a file that starts with a line such as
    `# yaml-language-server: $schema=schema.json`.
    """
    from parsers.language import describe_language, describe_reference, update_page

    if into is not None and not reference:
        raise click.UsageError(
            "--into needs --reference: the schema goes to stdout, as in 'schema > schema.json'"
        )
    if not reference:
        click.echo(json.dumps(describe_language(kind), indent=2))
        return
    if into is None:
        click.echo(describe_reference(kind), nl=False)
        return
    try:
        page = update_page(into.read_text(encoding="utf-8"), kind)
    except ValueError as error:
        raise click.ClickException(f"{into}: {error}") from error
    into.write_text(page, encoding="utf-8")
