"""Which alerts page no one for a while, because maintenance mutes them ([spec 7.6](docs/spec/7-comms.md)) (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts import event_placement
from firebell.alerts.cleaning import OVERFLOW_KEY
from firebell.alerts.model import Event, InboundRequest
from firebell.kit.matchers import Matcher, matches_all

OWN_RULES_PREFIX = "firebell"
"""The prefix of the names of rules that watch Firebell itself, which are never muted."""


@dataclass(frozen=True, slots=True)
class Mute:
    """Alerts of these services that meet every matcher page no one in `[starts_at, ends_at)`."""

    id: int
    name: str
    path: str
    service_ids: frozenset[int]
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime

    @property
    def group_key(self) -> str:
        """The key of the group of a service that holds what is muted; no label can have a control character."""
        return f"\x1f{self.id}"

    def mutes(self, event: Event) -> bool:
        """Return True if an event of one of its services is muted."""
        labels = {"title": event.title, "severity": event.severity or "", **event.labels}
        return matches_all(self.matchers, labels)


MutesByService = Mapping[int, Sequence[Mute]]


def by_service(mutes: Iterable[Mute]) -> MutesByService:
    """Return the mutes of each service, the one that ends last first."""
    result: dict[int, list[Mute]] = {}
    for mute in sorted(mutes, key=lambda mute: (mute.ends_at, mute.id), reverse=True):
        for service_id in mute.service_ids:
            result.setdefault(service_id, []).append(mute)
    return result


def active(mutes: MutesByService, requests: Sequence[InboundRequest], now: datetime) -> MutesByService:
    """Return the mutes that may apply to requests now."""
    if not mutes:
        return {}
    active_mutes = {
        service_id: [mute for mute in mutes.get(service_id, ()) if mute.starts_at <= now < mute.ends_at]
        for service_id in event_placement.services(requests)
    }
    return {service_id: each for service_id, each in active_mutes.items() if each}


def mute_of(mutes: MutesByService, received: InboundRequest, event: Event) -> Mute | None:
    """Return the mute of an event, None if it pages.

    Events that were not read or processed, and rules that watch Firebell itself, always page.
    """
    service_mutes = mutes.get(received.service_id)
    if not service_mutes or always_pages(received, event):
        return None
    return next((mute for mute in service_mutes if mute.mutes(event)), None)


def always_pages(received: InboundRequest, event: Event) -> bool:
    """Return True for events that were not read or processed, and for rules that watch Firebell itself."""
    return received.error is not None or event.dedup_key == OVERFLOW_KEY or _is_own_rule(event)


def _is_own_rule(event: Event) -> bool:
    return event.labels.get("alertname", "").casefold().startswith(OWN_RULES_PREFIX)
