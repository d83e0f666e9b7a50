from collections.abc import Mapping
from pathlib import Path

import pytest

from parsers.model import Condition, Mask, ZoneRule
from pipeline.settings import Settings, SettingsError, load_settings, render_settings, to_installation

TEXT = """
timezones:
  - {when: {host.name: ['nyc-*', 'bos-*']}, timezone: America/New_York}
  - when: [{log.file.path: '*/berlin/*'}, {agent.name: b}]
    timezone: +01:00
mask:
  - {field: '*', kind: email}
  - {field: user.id, kind: custom, pattern: 'x{2}', how: hash}
mask_key: sesame
"""


def load(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Settings:
    path = folder / "tailrace.yml"
    path.write_text(text)
    return load_settings(path, environ or {})


def test_zones_and_masks_are_read(tmp_path: Path) -> None:
    settings = load(tmp_path, TEXT)

    assert settings.timezones == (
        ZoneRule(((Condition("host.name", ("nyc-*", "bos-*")),),), "America/New_York"),
        ZoneRule(
            ((Condition("log.file.path", ("*/berlin/*",)),), (Condition("agent.name", ("b",)),)), "+01:00"
        ),
    )
    assert settings.mask == (Mask("*", "email"), Mask("user.id", "custom", "hash", "x{2}"))
    installation = to_installation(settings)
    assert (installation.timezones, installation.masks) == (settings.timezones, settings.mask)
    assert installation.mask_key == b"sesame"
    assert "sesame" not in repr(installation)


def test_what_is_rendered_is_read_back_as_the_same(tmp_path: Path) -> None:
    settings = load(tmp_path, TEXT)
    rendered = render_settings(settings)

    assert "sesame" not in rendered
    again = load(tmp_path, rendered.replace("'***'", "sesame"))
    assert again == settings


def test_the_environment_gives_them_as_yaml(tmp_path: Path) -> None:
    environ = {"TAILRACE_MASK": "[{field: '*', kind: card}]", "TAILRACE_TIMEZONES": "[]"}
    settings = load(tmp_path, TEXT, environ)

    assert settings.mask == (Mask("*", "card"),)
    assert settings.timezones == ()
    assert settings.origins["mask"] == "environment TAILRACE_MASK"


def test_the_key_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n")
    settings = load(tmp_path, f"mask_key_file: {tmp_path / 'key'}")

    assert to_installation(settings).mask_key == b"from a file"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mask: [{field: '*', kind: mail}]", "tailrace.yml:1:27: error: 'mask': 'kind' cannot be 'mail'"),
        ("mask: email", "'mask': 'mask' must be a list"),
        ("mask: [{field: '*', kind: email, how: hash}]", "mask: a hash without a key tells the masked value"),
        ("timezones: [{timezone: UTC}]", "'timezones': a zone has no 'when'"),
        ("timezones: [{when: {a: b}, timezone: Mars}]", "'timezones': 'Mars' is not a time zone"),
        ("timezones: [{when: {a: '['}, timezone: UTC}]", "has a [ without its ]"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)

    assert words in str(caught.value)


def test_mistakes_in_the_environment_name_the_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="environment TAILRACE_MASK:1:1: error: 'mask': "):
        load(tmp_path, "", {"TAILRACE_MASK": "email"})
