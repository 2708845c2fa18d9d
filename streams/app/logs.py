"""Logs of workers: JSON lines for machines, readable lines on a terminal, both on stderr."""

import logging
import sys

import structlog

_OURS = "streams"
_FAUST_APP = (
    "streams.runtime.consumer.transport"  # Faust logs its own steps under the name of its app
)


def configure_logs(level: int = logging.INFO) -> None:
    """Route structlog's and the libraries' own lines through one format; once per process."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    terminal = sys.stderr.isatty()
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OURS).setLevel(level)
    logging.getLogger(_FAUST_APP).setLevel(logging.WARNING)
    # The driver prints a stack trace of each failure that it also raises to its caller.
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)
