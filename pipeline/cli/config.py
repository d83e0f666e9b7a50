"""`tailrace config`: the settings in force, and the `--config` option that other commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipeline.settings import Settings

config_option = click.option(
    "--config",
    "-c",
    "config_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Settings file (YAML); without it, the one that TAILRACE_CONFIG names.",
)


class Unusable(click.ClickException):
    """Mistakes in the settings: shown as they are, one a line, since each begins with its place."""

    def show(self, file: Any = None) -> None:
        """Write the mistakes to stderr."""
        click.echo(self.message, file=file, err=True)


def read_settings(config_file: Path | None) -> "Settings":
    """The settings of this process: defaults, the file, the environment. Mistakes end the command."""
    import os

    from pipeline.settings import SettingsError, load_settings

    try:
        return load_settings(config_file, os.environ)
    except SettingsError as error:
        raise Unusable(str(error)) from error


@click.command()
@config_option
def config(config_file: Path | None) -> None:
    """Print the settings in force as YAML, and where each came from.

    Every value can be overridden by an environment variable: kafka.topics.raw by TAILRACE_KAFKA_TOPICS_RAW,
    lists with commas. Secrets are shown as ***; they can be in a file, which a variable such as
    TAILRACE_ELASTICSEARCH_PASSWORD_FILE names.
    """
    from pipeline.settings import render_settings

    click.echo(render_settings(read_settings(config_file)), nl=False)
