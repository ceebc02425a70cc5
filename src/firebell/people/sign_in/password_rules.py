"""Which new passwords are accepted: long enough, not common, not made of what everyone knows (pure)."""

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources

from firebell.kit.errors import Invalid

MIN_LENGTH, MAX_LENGTH = 12, 1000
_MIN_UNKNOWN = 8
"""Minimum number of characters in a password besides names that others know."""
_MIN_DISTINCT = 5
_DISGUISES = str.maketrans("013457@$!|", "oleastasil")
_SEQUENCES = (
    "abcdefghijklmnopqrstuvwxyz" * 2,
    "01234567890" * 10,
    "1234567890" * 10,
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
)
_HINT = "Use four or five words that have nothing to do with each other."


@cache
def common() -> frozenset[str]:
    """Return the most common passwords in lower case."""
    text = resources.files("firebell.people").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(text.partition("\n--------------------\n")[2].split("\n")) - {""}


def _refused(reason: str) -> Invalid:
    return Invalid("This password cannot be used.", fields={"password": reason})


def _is_common(text: str) -> bool:
    """Return True if `text` is a common password, also with digits around it or letters written as digits."""
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text)
    return any(form in common() for form in (text, core, core.translate(_DISGUISES)))


def _repeats_common(text: str) -> bool:
    """Return True if `text` repeats a common password or a few characters."""
    unit = next(n for n in range(1, len(text) + 1) if text == (text[:n] * (len(text) // n + 1))[: len(text)])
    return unit <= len(text) // 2 and (unit < _MIN_UNKNOWN or _is_common(text[:unit]))


def _is_sequence(text: str) -> bool:
    return any(text in run or text[::-1] in run for run in _SEQUENCES)


def _without(text: str, names: Iterable[str]) -> str:
    """Return the letters and digits of `text` that belong to none of the names."""
    known = {"firebell", *(part for name in names for part in re.split(r"[\W_]+", name.casefold()))}
    for part in sorted(known, key=len, reverse=True):
        if len(part) > 3:
            text = text.replace(part, "")
    return re.sub(r"[\W_]+", "", text)


def check(password: str, names: Iterable[str] = ()) -> str:
    """Return `password`; raise `Invalid` when it is too short, too common, or little more than one of `names`.

    Only length and a list of common passwords are checked (NIST SP 800-63B, 3.1.1.2).
    """
    if len(password) < MIN_LENGTH:
        raise _refused(f"Use at least {MIN_LENGTH} characters. {_HINT}")
    if len(password) > MAX_LENGTH:
        raise _refused(f"Use at most {MAX_LENGTH} characters.")
    text = password.casefold().strip()
    if len(set(text)) < _MIN_DISTINCT or _is_sequence(text) or _repeats_common(text):
        raise _refused(f"Passwords that repeat or count up are easy to guess. {_HINT}")
    if _is_common(text):
        raise _refused(f"This is one of the most common passwords. {_HINT}")
    if len(_without(text, names)) < _MIN_UNKNOWN:
        raise _refused(f"This is too close to a name that others know. {_HINT}")
    return password
