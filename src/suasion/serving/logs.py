"""Structured logs: a JSON object a line, with the ids of request and conversation. Never what was said."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

LOG = logging.getLogger("suasion.serving")
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
conversation_id: ContextVar[str | None] = ContextVar("conversation_id", default=None)


class JsonFormatter(logging.Formatter):
    """`extra={"fields": {...}}` of a record become keys."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "request": request_id.get(),
            "conversation": conversation_id.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            # the kind and the place; the message may hold what was said, or an address with a password
            line["error"] = record.exc_info[0].__name__
            trace = record.exc_info[2]
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            if trace is not None:
                line["where"] = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        return json.dumps({key: value for key, value in line.items() if value is not None}, default=str)


def set_up_logs() -> None:
    """To standard error, for the service and for uvicorn alike."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name in ("suasion", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers[:], logger.propagate = [handler], False
    logging.getLogger("suasion").setLevel(logging.INFO)
    logging.getLogger("uvicorn.access").disabled = True  # ours has ids in it
