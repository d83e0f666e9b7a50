from pipeline.settings import ElasticsearchSettings, Secret, Settings


def test_a_secret_shows_in_no_rendering_and_only_when_asked() -> None:
    secret = Secret("hunter2")
    settings = Settings(elasticsearch=ElasticsearchSettings(username="u", password=secret))
    shown = f"{secret} {secret!r} {secret:>30} {settings} {settings!r} {[secret]}"
    assert "hunter2" not in shown
    assert "***" in shown
    assert secret.reveal() == "hunter2"


def test_secrets_are_equal_by_value_and_never_to_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
