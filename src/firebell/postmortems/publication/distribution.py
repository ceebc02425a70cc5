"""Whom a published document is sent to (pure): lists of the settings, teams, people and email addresses."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firebell.kit.errors import Invalid
from firebell.kit.text import slugify

EVERYONE = "everyone"
"""The member that stands for all active people."""
LISTS_MAX = 20
MEMBERS_MAX = 100
SEVERITIES = 4
_ADDRESS = re.compile(r"[^\s@,;<>\"']{1,64}@[^\s@,;<>\"']{1,190}\.[^\s@,;<>\"'.]{2,}")
_MEMBER = re.compile(r"(?P<kind>list|team|person|email):(?P<value>\S+)")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_SLUG_MAX_CHARS = 40


@dataclass(frozen=True, slots=True)
class DistributionList:
    """A named list of recipients; a member is such as `team:3`, `person:5`, `email:ceo@example.com` or everyone."""

    slug: str
    name: str
    members: tuple[str, ...] = ()


SHIPPED_LISTS = (
    DistributionList("engineering", "Engineering", (EVERYONE,)),
    DistributionList("product", "Product"),
    DistributionList("support", "Support"),
    DistributionList("leadership", "Leadership"),
)
SHIPPED_DEFAULTS: tuple[tuple[str, ...], ...] = (
    ("engineering", "product", "support", "leadership"),
    ("engineering", "product", "support", "leadership"),
    ("engineering", "product", "support"),
    ("engineering",),
)


@dataclass(frozen=True, slots=True)
class DistributionSettings:
    """The lists of the organization, and those that a document has by the peak severity of its incident."""

    lists: tuple[DistributionList, ...] = SHIPPED_LISTS
    defaults: tuple[tuple[str, ...], ...] = SHIPPED_DEFAULTS

    def by_slug(self) -> dict[str, DistributionList]:
        """Return the lists by slug."""
        return {each.slug: each for each in self.lists}

    def default(self, severity: int) -> list[str]:
        """Return the members that a document of a severity has until someone chooses others."""
        known = self.by_slug()
        return [f"list:{slug}" for slug in self.defaults[severity] if slug in known]


@dataclass(frozen=True, slots=True)
class Targets:
    """What members stand for: teams, people and addresses, each once."""

    is_everyone: bool = False
    team_ids: tuple[int, ...] = ()
    person_ids: tuple[int, ...] = ()
    addresses: tuple[str, ...] = ()


def is_address(text: str) -> bool:
    """Return True for what looks like an email address of one mailbox."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


def clean_members(members: Sequence[str], *, lists: bool, name: str = "members") -> list[str]:
    """Return members in their canonical form, each once; raise `Invalid` naming the first that cannot be one.

    With `lists`, a member may also be a list of the settings.
    """
    cleaned: dict[str, None] = {}
    for raw in members:
        text = raw.strip()
        if not text:
            continue
        cleaned[_clean(text, name, lists=lists)] = None
    if len(cleaned) > MEMBERS_MAX:
        raise Invalid("There are too many recipients.", fields={name: f"Enter at most {MEMBERS_MAX}."})
    return list(cleaned)


def _clean(text: str, name: str, *, lists: bool) -> str:
    if text == EVERYONE:
        return text
    if "@" in text and is_address(text.removeprefix("email:")):
        return f"email:{text.removeprefix('email:').lower()}"
    match = _MEMBER.fullmatch(text)
    if (
        match
        and match["kind"] in ("team", "person")
        and match["value"].isascii()
        and match["value"].isdigit()
    ):
        return f"{match['kind']}:{int(match['value'][:18])}"
    if match and lists and match["kind"] == "list" and _SLUG.fullmatch(match["value"]):
        return text
    kinds = "team:3, person:5, everyone or an email address"
    raise Invalid(
        f"“{text[:80]}” is not a recipient.",
        fields={name: f"Use {'list:support, ' if lists else ''}{kinds}."},
    )


def slug_of(name: str) -> str:
    """Return the short name of a new list; one without Latin letters and digits is `list`."""
    slug = re.sub(r"[^a-z0-9]+", "-", slugify(name)).strip("-")
    return slug[:_SLUG_MAX_CHARS].strip("-") or "list"


def clean_lists(lists: Sequence[DistributionList]) -> tuple[DistributionList, ...]:
    """Return lists with clean members; raise `Invalid` for a bad or repeated slug, and for too many lists."""
    if len(lists) > LISTS_MAX:
        raise Invalid("There are too many lists.", fields={"lists": f"Keep at most {LISTS_MAX} lists."})
    slugs = [each.slug for each in lists]
    for each in lists:
        if not _SLUG.fullmatch(each.slug):
            raise Invalid(
                f"“{each.slug[:40]}” is not a short name for a list.",
                fields={"lists": "Use lower-case letters, digits and hyphens, at most 40 characters."},
            )
        if slugs.count(each.slug) > 1:
            raise Invalid(
                f"There are two lists {each.slug}.", fields={"lists": "Give each list its own short name."}
            )
    return tuple(
        DistributionList(each.slug, each.name, tuple(clean_members(each.members, lists=False, name="lists")))
        for each in lists
    )


def expand(members: Sequence[str], lists: Mapping[str, DistributionList]) -> Targets:
    """Return what members stand for; a list that was deleted stands for no one."""
    flat: list[str] = []
    for member in members:
        kind, _, value = member.partition(":")
        if kind == "list":
            flat += lists[value].members if value in lists else ()
        else:
            flat.append(member)
    values: dict[str, list[str]] = {"team": [], "person": [], "email": []}
    for member in dict.fromkeys(flat):
        kind, _, value = member.partition(":")
        if kind in values:
            values[kind].append(value)
    return Targets(
        EVERYONE in flat,
        tuple(map(int, values["team"])),
        tuple(map(int, values["person"])),
        tuple(values["email"]),
    )
