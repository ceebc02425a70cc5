"""JSON of other servers, made storable (pure)."""

from typing import Any

_UNSTORABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}
"""NUL and lone surrogates, which neither a text column nor UTF-8 can hold."""


def storable_text(value: str) -> str:
    """Return a text in which a replacement character stands for each that cannot be stored."""
    return value.translate(_UNSTORABLE)


def storable(value: Any) -> Any:
    """Return JSON whose texts can be stored; raise `RecursionError` if it is too deep."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, list):
        return [storable(each) for each in value]
    if isinstance(value, dict):
        return {storable(name): storable(each) for name, each in value.items()}
    return value
