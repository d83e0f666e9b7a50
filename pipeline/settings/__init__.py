"""Settings: frozen values, read once from one YAML file and the environment."""

from pipeline.settings.installation import to_installation
from pipeline.settings.load import SettingsError, load_settings
from pipeline.settings.model import (
    BurstSettings,
    ElasticsearchSettings,
    InputSettings,
    KafkaSettings,
    LogSettings,
    RuleSettings,
    Settings,
    StoreSettings,
    TopicSettings,
    WorkerSettings,
)
from pipeline.settings.render import list_secrets, render_settings
from pipeline.settings.secret import Secret

__all__ = [
    "BurstSettings",
    "ElasticsearchSettings",
    "InputSettings",
    "KafkaSettings",
    "LogSettings",
    "RuleSettings",
    "Secret",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "TopicSettings",
    "WorkerSettings",
    "list_secrets",
    "load_settings",
    "render_settings",
    "to_installation",
]
