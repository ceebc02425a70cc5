"""Names of people replaced by their roles in an incident (pure)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

RESPONDER = "Responder"


@dataclass(frozen=True, slots=True)
class NamedPerson:
    """A person with everything that a text may call them by, and their role in the incident; empty without one."""

    name: str
    email: str
    role: str = ""


def replacements(people: Sequence[NamedPerson]) -> dict[str, str]:
    """Return what stands in place of each name, address, handle and first name.

    A first name that two people share, with different roles, is replaced by `Responder`.
    """
    result: dict[str, str] = {}
    for person in people:
        role = person.role or RESPONDER
        first = person.name.split()[0] if person.name.split() else ""
        for text in (person.name, person.email, f"@{person.email.partition('@')[0]}"):
            if len(text) > 1:
                result[text] = role
        if len(first) > 1 and first != person.name:
            result[first] = role if result.get(first, role) == role else RESPONDER
    return result


def with_roles(text: str, roles: Mapping[str, str]) -> str:
    """Return a text whose names, as whole words in their capitals, are roles; the longest name wins."""
    if not roles:
        return text
    names = sorted(roles, key=lambda name: (-len(name), name))
    pattern = re.compile(rf"(?<![\w@])(?:{'|'.join(map(re.escape, names))})(?!\w)")
    return pattern.sub(lambda match: roles[match[0]], text)
