"""Which alerts page no one for a while (pure): maintenance mutes them, or a silence does.

Rules: [spec 7.6](docs/spec/7-comms.md) for maintenance, [spec 3.3](docs/spec/3-alerts.md) for silences.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firebell.alerts import event_placement
from firebell.alerts.cleaning import OVERFLOW_KEY
from firebell.alerts.label_index import LabelIndex
from firebell.alerts.model import SOURCE_SILENT_KEY, Event, InboundRequest, is_test_key, matched_labels
from firebell.kit import matchers
from firebell.kit.errors import Invalid
from firebell.kit.matchers import Matcher, matches_all

OWN_RULES_PREFIX = "firebell"
"""The prefix of the names of rules that watch Firebell itself, which are never muted."""
EVERY_SERVICE = 0
"""The key of the mutes that are for all services."""


class MuteKind(StrEnum):
    """What mutes alerts."""

    MAINTENANCE = "maintenance"
    SILENCE = "silence"
    INHIBITION = "inhibition"
    """A source of an inhibition rule fires."""
    INHIBIT_WAIT = "inhibit_wait"
    """A target of an inhibition rule waits some seconds for its source."""


@dataclass(frozen=True, slots=True)
class Mute:
    """Alerts of these services that meet every matcher page no one in `[starts_at, ends_at)`.

    One without services is for all of them, unless it is that of maintenance.
    """

    id: int
    name: str
    path: str
    service_ids: frozenset[int]
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    kind: MuteKind = MuteKind.MAINTENANCE
    excluded: tuple[Matcher, ...] = ()
    """Alerts that meet all of these, if there are any, are not muted."""

    @property
    def group_key(self) -> str:
        """The key of the group of a service that holds what is muted; no label can have a control character."""
        return f"\x1f{self.id}"

    @property
    def services(self) -> frozenset[int]:
        """The services that it is for, or `EVERY_SERVICE`."""
        is_for_all = not self.service_ids and self.kind is not MuteKind.MAINTENANCE
        return frozenset({EVERY_SERVICE}) if is_for_all else self.service_ids

    def runs_at(self, now: datetime) -> bool:
        """Return True if it runs.

        That of inhibition has begun once it is stored, also for a batch that waited for the lock of its source.
        """
        has_begun = self.kind in (MuteKind.INHIBITION, MuteKind.INHIBIT_WAIT) or self.starts_at <= now
        return has_begun and now < self.ends_at

    def mutes(self, labels: Mapping[str, str]) -> bool:
        """Return True if an alert of one of its services, with these labels as of `matched_labels`, is muted.

        What waits is chosen alert by alert, not by matchers.
        """
        if self.kind is MuteKind.INHIBIT_WAIT or not matches_all(self.matchers, labels):
            return False
        return not self.excluded or not matches_all(self.excluded, labels)


def checked_matchers(text: str, field: str, example: str) -> str:
    """Return matchers as they are stored; raise `Invalid` for the field if they would match an alert without labels."""
    stored = matchers.checked(text, field, example)
    if all(matcher.matches({}) for matcher in matchers.parse(stored)):
        raise Invalid(
            "The matchers would match every alert.",
            fields={field: f"At least one matcher must not match an empty value. {example}"},
        )
    return stored


MutesByService = Mapping[int, Sequence[Mute]]


def by_service(mutes: Iterable[Mute]) -> MutesByService:
    """Return the mutes of each service, the one that ends last first."""
    result: dict[int, list[Mute]] = {}
    for mute in sorted(mutes, key=_end, reverse=True):
        for service_id in mute.services:
            result.setdefault(service_id, []).append(mute)
    return result


def of_service(mutes: MutesByService, service_id: int) -> Sequence[Mute]:
    """Return the mutes of a service and those of all services, the one that ends last first."""
    own, general = mutes.get(service_id, ()), mutes.get(EVERY_SERVICE, ())
    return sorted([*own, *general], key=_end, reverse=True) if own and general else own or general


def _end(mute: Mute) -> tuple[datetime, int]:
    return mute.ends_at, mute.id


def active(mutes: MutesByService, requests: Sequence[InboundRequest], now: datetime) -> MutesByService:
    """Return the mutes that run and match an event of the requests, by service.

    A batch that none of them matches is stored as fast as without mutes.
    """
    if not mutes:
        return {}
    running = {
        service_id: [mute for mute in of_service(mutes, service_id) if mute.runs_at(now)]
        for service_id in event_placement.services(requests)
    }
    matching: dict[int, set[int]] = {}
    for request in requests:
        for event in request.incoming:
            service_id = event_placement.service_of(request, event)
            if not running[service_id]:
                continue
            labels = matched_labels(event.title, event.severity, event.labels)
            if matched := {mute.id for mute in running[service_id] if mute.mutes(labels)}:
                matching.setdefault(service_id, set()).update(matched)
    return {
        service_id: [mute for mute in running[service_id] if mute.id in ids]
        for service_id, ids in matching.items()
    }


def index_of(mutes: Iterable[Mute]) -> LabelIndex[Mute]:
    """Return the index that `may_apply` asks."""
    return LabelIndex((mute.matchers, mute) for mute in mutes)


def may_apply(index: LabelIndex[Mute], requests: Iterable[InboundRequest]) -> bool:
    """Return True if one of the indexed mutes may match an event, whatever its service; much faster than `active`."""
    return any(
        True
        for request in requests
        for event in request.incoming
        for _ in index.candidates(matched_labels(event.title, event.severity, event.labels))
    )


def mute_of(mutes: MutesByService, received: InboundRequest, event: Event) -> Mute | None:
    """Return the mute of an event, None if it pages.

    Events that were not read or processed, silent sources, and rules that watch Firebell itself always page.
    """
    service_mutes = of_service(mutes, received.service_id)
    if not service_mutes or received.error is not None or always_pages(event.dedup_key, event.labels):
        return None
    labels = matched_labels(event.title, event.severity, event.labels)
    return next((mute for mute in service_mutes if mute.mutes(labels)), None)


def group_key(mute: Mute, event: Event) -> str:
    """Return the key of the group that holds a muted event: that of the mute, but a test alert has one of its own.

    What pages when the mute ends is then a drill, and no real alert is part of it.
    """
    return f"{event.dedup_key}{mute.group_key}" if is_test_key(event.dedup_key) else mute.group_key


def still_waits(mutes: MutesByService, service_id: int, mute_id: int) -> bool:
    """Return True if this is a mute in which targets of inhibition rules still wait."""
    return any(
        mute.id == mute_id and mute.kind is MuteKind.INHIBIT_WAIT for mute in of_service(mutes, service_id)
    )


def always_pages(dedup_key: str, labels: Mapping[str, str]) -> bool:
    """Return True for alerts about unprocessed events or a silent source, and of rules that watch Firebell itself."""
    if dedup_key in (OVERFLOW_KEY, SOURCE_SILENT_KEY):
        return True
    return labels.get("alertname", "").casefold().startswith(OWN_RULES_PREFIX)
