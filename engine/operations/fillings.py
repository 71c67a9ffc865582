"""Texts of a playbook filled in for a call: `{{ }}` from the record, `${NAME}` from outside.

What a template gives is never looked through for secrets, and in an address it is encoded, so that
a lead's data can neither read the environment nor lead a call elsewhere.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import TypeAlias
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import JsonValue

from engine.errors import EnvironmentFault, NeverWorksError
from engine.mail.render import render_text, render_value
from engine.playbook.values import Scope

_PART = re.compile(r"(?P<template>\{\{.*?\}\})|\$\{(?P<secret>\w+)\}", re.DOTALL)
_OURS = "LONGPLAY_"
_LONGEST_URL = 8_000
_KEPT_SIGNS = "%/:=&?~+!$,;'@()*[].-_"
Environment: TypeAlias = Mapping[str, str]


def filled_text(source: str, scope: Scope, environment: Environment) -> str:
    """A text with its templates and secrets filled in.

    Raises:
        LongplayError: a variable is not set, or a template cannot be filled in.
    """
    return "".join(_pieces(source, scope, environment, in_address=False))


def filled_url(source: str, scope: Scope, environment: Environment) -> str:
    """An address as it is called, in ASCII: what templates give is encoded.

    Raises:
        LongplayError: as above; or this is no address that can be called.
    """
    url = "".join(_pieces(source, scope, environment, in_address=True)).strip()
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise NeverWorksError(f"'{source}' gives no address that can be called") from error
    if (
        parts.scheme not in ("http", "https")
        or not host
        or parts.username
        or len(url) > _LONGEST_URL
    ):
        raise NeverWorksError(f"'{source}' gives no http:// or https:// address")
    place = f"[{host}]{port}" if ":" in host else f"{host}{port}"
    if len(url) > _LONGEST_URL:
        raise NeverWorksError(f"'{source}' gives an address of {len(url):,} characters")
    path, query = quote(parts.path, safe=_KEPT_SIGNS), quote(parts.query, safe=_KEPT_SIGNS)
    return urlunsplit((parts.scheme, place, path or "/", query, ""))


def filled_tree(tree: object, scope: Scope, environment: Environment) -> JsonValue:
    """A tree of texts as JSON; a lone `{{ x }}` keeps its type, and what is missing is null.

    Raises:
        LongplayError: as above.
    """
    if isinstance(tree, str):
        found = _PART.fullmatch(tree.strip())
        if found is not None and found["template"]:
            return plain(render_value(tree, scope))
        return filled_text(tree, scope, environment)
    if isinstance(tree, Mapping):
        return {str(name): filled_tree(one, scope, environment) for name, one in tree.items()}
    if isinstance(tree, list | tuple):
        return [filled_tree(one, scope, environment) for one in tree]
    return plain(tree)


def plain(value: object) -> JsonValue:
    """A value as JSON knows it: times in ISO 8601, numbers as numbers."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | Decimal):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return str(value)


def secrets_in(source: object, environment: Environment) -> Iterator[str]:
    """The values of the variables that a tree of texts names."""
    if isinstance(source, str):
        for found in _PART.finditer(source):
            if found["secret"]:
                yield environment.get(found["secret"], "")
    elif isinstance(source, Mapping):
        for one in source.values():
            yield from secrets_in(one, environment)
    elif isinstance(source, list | tuple):
        for one in source:
            yield from secrets_in(one, environment)


def _pieces(
    source: str, scope: Scope, environment: Environment, *, in_address: bool
) -> Iterator[str]:
    at = 0
    for found in _PART.finditer(source):
        yield source[at : found.start()]
        at = found.end()
        if found["template"]:
            text = render_text(found["template"], scope)
            yield quote(text, safe="") if in_address else text
        else:
            yield _secret(found["secret"], environment)
    yield source[at:]


def _secret(name: str, environment: Environment) -> str:
    if name.startswith(_OURS):
        raise NeverWorksError(
            f"'{name}' is a setting of Longplay's own, which playbooks do not get",
            help="give the variable another name",
        )
    value = environment.get(name, "").strip()
    if not value:
        raise EnvironmentFault(
            f"the environment variable '{name}' is not set",
            help=f"set {name} for the worker and start it again",
        )
    return value
