"""What customers might call a service, suggested from its name (pure)."""

import re

_TECHNICAL = frozenset(
    {"api", "app", "backend", "db", "database", "prod", "server", "service", "svc", "worker"}
)
"""Words of service names that mean nothing to customers."""


def suggested_name(service_name: str) -> str:
    """Return a component name such as Checkout for checkout-api; never empty for a name that is not."""
    words = [word for word in re.split(r"[-_.\s]+", service_name) if word]
    known = [word for word in words if word.lower() not in _TECHNICAL] or words
    text = " ".join(known)
    return text[:1].upper() + text[1:]
