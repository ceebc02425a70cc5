"""Reads from a form or the API what a subscriber follows, and describes it (pure)."""

from collections.abc import Callable, Collection, Iterable, Sequence
from operator import attrgetter

from firebell.kit.errors import Invalid
from firebell.status_pages.model import Component, ComponentGroup, Impact, PagePart
from firebell.status_pages.public.languages import ENGLISH, Language
from firebell.subscribers.model import KIND_LABELS, BroadcastKind, FollowScope

IMPACT_OPTIONS = (
    (0, "Everything"),
    (int(Impact.MINOR), "Minor and up"),
    (int(Impact.MAJOR), "Major and up"),
    (int(Impact.CRITICAL), "Critical only"),
)


def scope_from(
    *,
    follows_all: bool,
    component_ids: Iterable[int],
    group_ids: Iterable[int],
    kinds: Collection[str],
    min_impact: int,
    components: Sequence[Component],
    groups: Sequence[ComponentGroup],
) -> FollowScope:
    """Return what is followed; raise `Invalid` if nothing is, or if the status page does not have it."""
    chosen, chosen_groups = frozenset(component_ids), frozenset(group_ids)
    if not chosen <= {c.id for c in components} or not chosen_groups <= {g.id for g in groups}:
        raise Invalid("A component is not on this page.", fields={"component": "Choose from the list."})
    if not follows_all and not chosen and not chosen_groups:
        raise Invalid("Nothing is chosen.", fields={"component": "Choose at least one, or everything."})
    if not kinds or not set(kinds) <= set(BroadcastKind):
        raise Invalid("Nothing is chosen.", fields={"kind": "Choose at least one kind of update."})
    if min_impact not in dict(IMPACT_OPTIONS):
        raise Invalid("The impact is unknown.", fields={"min_impact": "Choose from the list."})
    if follows_all:
        chosen, chosen_groups = frozenset(), frozenset()
    return FollowScope(follows_all, chosen, chosen_groups, frozenset(map(BroadcastKind, kinds)), min_impact)


def typed_scope(
    *,
    follows: str,
    components: Iterable[object],
    groups: Iterable[object],
    kinds: Iterable[object],
    impact: str,
) -> FollowScope:
    """Return what a refused form had chosen, as far as it can be read, so that it is shown again."""
    return FollowScope(
        follows != "some",
        _ids(components),
        _ids(groups),
        frozenset(BroadcastKind(str(kind)) for kind in kinds if kind in list(BroadcastKind)),
        next((value for value, _ in IMPACT_OPTIONS if str(value) == impact.strip()), 0),
    )


def _ids(values: Iterable[object]) -> frozenset[int]:
    return frozenset(int(text) for value in values if (text := str(value)).isascii() and text.isdecimal())


def described(
    scope: FollowScope,
    components: Sequence[Component],
    groups: Sequence[ComponentGroup],
    language: Language = ENGLISH,
    name_of: Callable[[PagePart], str] = attrgetter("name"),
) -> str:
    """Return what is followed in short, such as `Checkout, Search · major and up`."""
    names = [name_of(g) for g in groups if g.id in scope.group_ids]
    names += [name_of(c) for c in components if c.id in scope.component_ids]
    whole = language.text("Everything")
    parts = [whole if scope.follows_all else language.listed(names) or language.text("Removed components")]
    if scope.min_impact:
        parts.append(language.inline(dict(IMPACT_OPTIONS)[scope.min_impact]))
    if scope.kinds != frozenset(BroadcastKind):
        parts.append(language.listed(language.inline(KIND_LABELS[kind]) for kind in sorted(scope.kinds)))
    return " · ".join(parts)
