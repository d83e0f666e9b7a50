"""The fixture of the end-to-end tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support import Pipeline


@pytest.fixture
def pipeline(kafka_server: str, elasticsearch_server: str, tmp_path: Path) -> Iterator[Pipeline]:
    """A pipeline whose settings are written; its topics, indices and processes go away at the end."""
    made = Pipeline(kafka_server, elasticsearch_server, tmp_path)
    made.write_settings()
    yield made
    made.clean_up()
