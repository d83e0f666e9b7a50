from pathlib import Path

import pytest

from pipeline.settings import Secret, Settings, list_secrets, load_settings, render_settings

EXAMPLE = Path(__file__).parents[3] / "tailrace.example.yml"

ENVIRON = {
    "TAILRACE_KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2",
    "TAILRACE_KAFKA_GROUP": "it's: a # group",
    "TAILRACE_KAFKA_BATCH_BYTES": "1234567",
    "TAILRACE_KAFKA_SESSION_TIMEOUT": "1500ms",
    "TAILRACE_ELASTICSEARCH_RETENTION": "36h",
    "TAILRACE_LOG_JSON": "yes",
    "TAILRACE_WORKER_PROCESSES": "auto",
    "TAILRACE_RULES_DIRECTORY": "some where/rules",
    "TAILRACE_STAGES": "a.b:c,d:e",
}


@pytest.mark.parametrize("environ", [{}, ENVIRON])
def test_what_is_printed_reads_back_as_the_same_settings(tmp_path: Path, environ: dict[str, str]) -> None:
    settings = load_settings(None, environ)
    path = tmp_path / "printed.yml"
    path.write_text(render_settings(settings), encoding="utf-8")
    assert load_settings(path, {}) == settings


def test_each_value_says_where_it_came_from_and_secrets_do_not_show() -> None:
    settings = load_settings(
        None,
        {"TAILRACE_ELASTICSEARCH_USERNAME": "u", "TAILRACE_ELASTICSEARCH_PASSWORD": "hunter2"},
    )
    lines = render_settings(settings).splitlines()
    password = next(line for line in lines if line.strip().startswith("password"))
    assert password.split() == ["password:", "'***'", "#", "environment", "TAILRACE_ELASTICSEARCH_PASSWORD"]
    assert "hunter2" not in "\n".join(lines)
    assert all(" # " in line for line in lines if not line.endswith(":"))


def test_the_secrets_that_are_set_are_listed_for_the_log() -> None:
    assert list_secrets(Settings()) == ()
    environ = {"TAILRACE_ELASTICSEARCH_API_KEY": "k", "TAILRACE_ELASTICSEARCH_HOSTS": "http://s:1"}
    settings = load_settings(None, environ)
    assert list_secrets(settings) == ("k",)
    assert settings.elasticsearch.api_key == Secret("k")


def test_the_example_file_names_every_setting_and_holds_the_defaults() -> None:
    settings = load_settings(EXAMPLE, {})
    assert settings == Settings()
    missing = [path for path, origin in settings.origins.items() if origin == "default"]
    assert missing == []
