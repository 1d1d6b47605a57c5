"""Log lines for machines: each one JSON object, whatever a client has put into it."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from runtime.request_id import current_request_id


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request_id": current_request_id(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # ASCII: what else there is, line ends of all kinds included, is escaped.
        return json.dumps(line)


def to_stderr(*loggers: str) -> dict[str, Any]:
    """Configure logging: everything goes to stderr, where Docker collects it, and nothing twice."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "runtime.logs.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {name: {"handlers": ["stderr"], "level": "INFO", "propagate": False} for name in loggers},
    }
