"""What a check of this process or of what it depends on returns."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; `level` is ok, warn or fail."""

    check: str
    level: str
    text: str
