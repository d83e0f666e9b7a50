"""Settings of the broker in the words of aiokafka and of Faust."""

import ssl
from typing import Any

from aiokafka.codec import has_lz4, has_snappy, has_zstd
from aiokafka.helpers import create_ssl_context
from faust import auth
from loguru import logger

from pipeline.settings import KafkaSettings


def build_ssl_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """The TLS context that the protocol calls for, None without TLS. OSError names a file that cannot be read."""
    if settings.security_protocol not in ("SSL", "SASL_SSL"):
        return None
    context: ssl.SSLContext = create_ssl_context(
        cafile=_to_text(settings.ssl_cafile),
        certfile=_to_text(settings.ssl_certfile),
        keyfile=_to_text(settings.ssl_keyfile),
    )
    return context


def build_client_options(settings: KafkaSettings) -> dict[str, Any]:
    """What aiokafka's consumer, producer and admin client have in common."""
    options: dict[str, Any] = {
        "bootstrap_servers": list(settings.bootstrap_servers),
        "client_id": settings.client_id,
        "security_protocol": settings.security_protocol,
        "ssl_context": build_ssl_context(settings),
    }
    if settings.security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": settings.sasl_password.reveal() if settings.sasl_password else None,
        }
    return options


def build_credentials(settings: KafkaSettings) -> Any:
    """The same in Faust's words; None for a broker that asks for nothing."""
    context = build_ssl_context(settings)
    if settings.security_protocol.startswith("SASL"):
        return auth.SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password.reveal() if settings.sasl_password else None,
            mechanism=settings.sasl_mechanism,
            ssl_context=context,
        )
    return auth.SSLCredentials(context=context) if context is not None else None


def choose_compression(wanted: str) -> str | None:
    """The codec to produce with: `wanted`, or gzip if its library is not installed; None for `none`."""
    available = {"none": True, "gzip": True, "lz4": has_lz4(), "snappy": has_snappy(), "zstd": has_zstd()}
    if not available[wanted]:
        logger.warning("Records are compressed with gzip: for {} install aiokafka[{}]", wanted, wanted)
        return "gzip"
    return None if wanted == "none" else wanted


def _to_text(path: object) -> str | None:
    return None if path is None else str(path)
