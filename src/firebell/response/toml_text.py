"""A settings document as TOML text and back (pure)."""

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from firebell.kit.errors import Invalid

MAX_CHARS = 100_000


def dump(document: Mapping[str, Any]) -> str:
    """Return a settings document as TOML: one table for hours, groups and each severity, inline tables in lists."""
    lines = [f"executives_wait = {document['executives_wait']}", f"rows = {_value(document['rows'])}"]
    for name in ("hours", "groups"):
        lines += ["", f"[{name}]", *(f"{key} = {_value(value)}" for key, value in document[name].items())]
    for level, one in document["severities"].items():
        lines += ["", f"[severities.{level}]"]
        lines += [f"{key} = {_value(value)}" for key, value in one.items()]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        steps = ("{ " + ", ".join(f"{k} = {_value(v)}" for k, v in step.items()) + " }" for step in value)
        return "[\n" + "".join(f"  {step},\n" for step in steps) + "]"
    # every other value is written alike in JSON and in TOML
    return json.dumps(value, ensure_ascii=False)


def load(text: str) -> dict[str, Any]:
    """Return the document of TOML or JSON text; raise `Invalid`."""
    if len(text) > MAX_CHARS:
        raise Invalid("The text is too long.", fields={"text": f"Enter at most {MAX_CHARS:,} characters."})
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        raise Invalid("This is neither TOML nor JSON.", fields={"text": str(error)[:200]}) from None
    if not isinstance(document, dict) or not document:
        raise Invalid("The text has no settings.", fields={"text": "Paste exported settings."})
    return document
