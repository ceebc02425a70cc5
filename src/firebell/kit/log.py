"""Structured logs: one JSON object a line on standard error, with a correlation id."""

import json
import logging
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")

_RESERVED = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON; the keys of `extra` become fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if correlation_id.get():
            line["correlation_id"] = correlation_id.get()
        line.update({k: v for k, v in record.__dict__.items() if k not in _RESERVED})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class OncePerMinute:
    """Logs a frequent warning at most once a minute per cause, with its count."""

    EVERY_S = 60.0

    def __init__(self, logger: logging.Logger, message: str) -> None:
        self._logger = logger
        self._message = message
        self._causes: dict[str, tuple[float, int]] = {}

    def add(self, cause: str) -> None:
        """Count an occurrence; log it unless its cause was logged less than a minute ago."""
        now = time.monotonic()
        for known in [c for c, (at, _) in self._causes.items() if now - at > self.EVERY_S and c != cause]:
            self._log(known, self._causes.pop(known)[1])
        at, count = self._causes.get(cause, (None, 0))
        if at is None or now - at > self.EVERY_S:
            self._log(cause, count + 1)
            self._causes[cause] = (now, 0)
        else:
            self._causes[cause] = (at, count + 1)

    def _log(self, cause: str, count: int) -> None:
        if count:
            self._logger.warning(self._message, extra={"cause": cause, "count": count})


def configure(level: str) -> None:
    """Write all logs of this process to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # it logs a stack trace every second while the database is unavailable, which the worker reports in one line
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
    # it logs the full URL of each request, and a webhook's URL is a secret
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
