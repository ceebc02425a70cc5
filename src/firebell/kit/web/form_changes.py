"""What a person changed in a form, apart from what others saved since it was opened (pure).

A form that several people edit sends, with each field, the value that it was opened with: `was_labels` with `labels`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

WAS = "was_"
"""Begins the name of a hidden field with the value that a field had when the form was opened."""


@dataclass(frozen=True, slots=True)
class FormChanges:
    """The fields of a form by what happened to them since it was opened.

    `values` has what to show if the form is returned: what the person changed, and what is stored of everything else.
    """

    values: Mapping[str, str]
    changed: frozenset[str]
    """What the person changed."""
    overtaken: frozenset[str]
    """What the person changed, and someone else to another value: saving it would lose theirs without a word."""


def changes(submitted: Mapping[str, str], stored: Mapping[str, str]) -> FormChanges:
    """Return what was changed in a form whose fields are those of `stored`.

    A field that is missing is empty. One without its first value was opened with what is stored.
    """
    own = {name: submitted.get(name, "") for name in stored}
    first = {name: submitted.get(f"{WAS}{name}", value) for name, value in stored.items()}
    changed = {name for name in stored if not _same(own[name], first[name])}
    overtaken = {
        name
        for name in changed
        if not _same(first[name], stored[name]) and not _same(own[name], stored[name])
    }
    values = {name: own[name] if name in changed else value for name, value in stored.items()}
    return FormChanges(values, frozenset(changed), frozenset(overtaken))


def _same(one: str, other: str) -> bool:
    """Return True if two texts differ at most in the line endings that a browser sends, and in space around them."""
    return one.strip().splitlines() == other.strip().splitlines()
