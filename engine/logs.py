"""How log lines are written, and what never gets into them: secrets and people's addresses.

Every line goes one way, ours and those of libraries, as text for people or JSON for machines, to
standard error. Set up once by a composition root.
"""

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from engine.log_context import bound

HIDDEN = "[hidden]"

_SECRET_NAMES = re.compile(
    r"password|passwd|secret|token|api_?key|authorization|cookie|credential", re.IGNORECASE
)
_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
_JOB = r"[0-9a-hjkmnp-tv-z]{20}"  # a Message-ID looks like an address, and must be found again
_EMAIL = re.compile(
    rf"(?<!{_LOCAL})(?!{_JOB}@)(?P<first>{_LOCAL}){_LOCAL}*@(?P<domain>[\w-]+(?:\.[\w-]+)+)"
)
_URL_PASSWORD = re.compile(r"(?P<before>\b[a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s/]*@(?=[^\s@])", re.I)
_BEARER = re.compile(r"\b(?P<scheme>Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE)
_KEY = re.compile(r"\blp_(?P<id>[0-9a-f]{12})_[\w-]{20,}")
_LINK_TOKEN = re.compile(r"(?P<door>/(?:u|s|o|c|a)/)[\w.~-]{16,}")
_LOUD_LIBRARIES = {
    "alembic": logging.WARNING,
    "temporalio.worker": logging.WARNING,
    "uvicorn.error": logging.WARNING,
    "aiosmtpd": logging.ERROR,
    "mail.log": logging.ERROR,
    "asyncio": logging.WARNING,
}


def set_up_logs(
    style: Literal["text", "json"],
    *,
    level: int = logging.INFO,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Routes all logging of this process.

    Args:
        style: `text` for people, `json` for machines.
        level: the least level that is written.
        secrets: values that must not appear whatever they are part of, such as API keys.
        stream: where to write, standard error when None.
    """
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_ids,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        Redaction(secrets),
    ]
    if style == "json":
        rendering.append(structlog.processors.JSONRenderer(ensure_ascii=False, default=str))
    else:
        rendering.append(
            structlog.dev.ConsoleRenderer(colors=out.isatty(), pad_event_to=0, pad_level=False)
        )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=rendering)
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name, least in _LOUD_LIBRARIES.items():
        logging.getLogger(name).setLevel(least)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _add_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {**bound(), **event}


class Redaction:
    """Takes secrets out of a log line, and shortens e-mail addresses to `a…@example.com`.

    The domain stays, because deliverability is told by domain.

    Args:
        secrets: values to hide wherever they stand.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """The structlog processor."""
        return {name: self._value(name, value) for name, value in event.items()}

    def text(self, text: str) -> str:
        """`text` without what must not be shown."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        text = _URL_PASSWORD.sub(rf"\g<before>:{HIDDEN}@", text)
        text = _BEARER.sub(rf"\g<scheme> {HIDDEN}", text)
        text = _KEY.sub(rf"lp_\g<id>_{HIDDEN}", text)
        text = _LINK_TOKEN.sub(rf"\g<door>{HIDDEN}", text)
        return _EMAIL.sub(r"\g<first>…@\g<domain>", text)

    def _value(self, name: str, value: object) -> object:
        if _SECRET_NAMES.search(name):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {str(key): self._value(str(key), each) for key, each in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self._value("", each) for each in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self.text(str(value))
