"""`tailrace rules lint`: what is legal in rules and still unwise."""

import os
from pathlib import Path

import click

from pipeline.cli.rules_check import DIRECTORY, check_directory, choose_directory, count


@click.command()
@DIRECTORY
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.pass_context
def lint(context: click.Context, directory: Path | None, strict: bool) -> None:
    """Check the rule files of DIR, then look for what is legal and still unwise.

    Patterns that a made-up line can hold up, patterns that another shadows, names and types that ECS has otherwise,
    patterns without anchors, captures that nothing uses. Findings go to stderr, a summary to stdout. Exits with 1 when
    one of them is an error: a worker would not take such rules while it runs.
    """
    checked = check_directory(choose_directory(directory))
    if checked.errors:
        context.exit(1)
    from parsers.errors import is_error
    from parsers.lint.lint import lint_rules
    from parsers.ruleset import build_rule_set
    from pipeline.rule_store import open_store

    problems = lint_rules(build_rule_set(checked.rules, store=open_store(os.environ)))
    for problem in problems:
        click.echo(str(problem), err=True)
    errors = sum(map(is_error, problems))
    click.echo(f"lint: {count(errors, 'error')}, {count(len(problems) - errors, 'warning')}")
    context.exit(1 if errors or (strict and problems) else 0)
