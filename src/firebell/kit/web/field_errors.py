"""Collects the errors of all fields of a form, so that one response names them all (pure)."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from firebell.kit.errors import Invalid

T = TypeVar("T")


class FieldErrors:
    """The errors of one form by field; the first error of a field wins."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}

    def add(self, field: str, text: str) -> None:
        """Record an error of a field."""
        self.fields.setdefault(field, text)

    def value(self, read: Callable[[], T], otherwise: T, renamed: Mapping[str, str] | None = None) -> T:
        """Return what `read` returns, or `otherwise` after recording the `Invalid` that it raises.

        `renamed` maps the fields of the error to those of the form. An `Invalid` without fields is about the
        whole form, and passes.
        """
        try:
            return read()
        except Invalid as error:
            if not error.fields:
                raise
            for field, text in error.fields.items():
                self.add((renamed or {}).get(field, field), text)
            return otherwise

    def check(self) -> None:
        """Raise `Invalid` with all recorded errors, if any."""
        if self.fields:
            raise Invalid("Check the highlighted fields.", fields=self.fields)
