"""Parses references in every accepted form: PG-7, pg-7 or 7; INC-214 or 214."""

from firebell.kit.errors import NotFound


def parse_ref(prefix: str, ref: str) -> int:
    """Return the number of a reference; raise `NotFound` for anything else."""
    text = ref.strip().upper().removeprefix(f"{prefix}-")
    if not text.isdecimal() or not text.isascii() or len(text) > 18:
        raise NotFound(f"{ref!r} is not a {prefix} reference.", hint=f"An example is {prefix}-7.")
    return int(text)
