"""What someone typed into a form that was refused; the error page shows it so that they can copy it (pure)."""

from collections.abc import Iterable

MOST_TEXTS = 10
_SECRET = ("password", "secret", "token", "csrf", "code", "key")
_SECRET_NAMES = ("old", "new", "address")
"""The fields of a password change, and a chat's webhook address."""


def of_form(items: Iterable[tuple[str, object]]) -> list[tuple[str, str]]:
    """Return the (label, text) of the fields with more than one word; secrets are left out."""
    texts = [
        (name.replace("_", " ").replace("-", " ").capitalize(), value.strip())
        for name, value in items
        if isinstance(value, str) and len(value.split()) > 1 and not _is_secret(name.casefold())
    ]
    return texts[:MOST_TEXTS]


def _is_secret(name: str) -> bool:
    return name in _SECRET_NAMES or any(word in name for word in _SECRET)
