"""Checks a published log: that no entry was changed, left out or put in later (pure; spec 7.7)."""

import hashlib
import json
from collections.abc import Iterable

from firebell.status_pages.signed_log import FIRST, body_hash

_NOT_HASHED = ("body", "reason", "hash")


def first_broken(lines: Iterable[str]) -> int | None:
    """Return the number of the first line of a log that is not as it was published; None if all are."""
    prev = FIRST
    for number, line in enumerate(lines, start=1):
        try:
            fields = json.loads(line)
            hashed = {name: value for name, value in fields.items() if name not in _NOT_HASHED}
            text = json.dumps(hashed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            is_intact = (
                fields["seq"] == number
                and fields["prev"] == prev
                and fields["hash"] == hashlib.sha256(text.encode()).hexdigest()
                and fields["body_sha256"] == body_hash(fields["body"])
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return number
        if not is_intact:
            return number
        prev = fields["hash"]
    return None
