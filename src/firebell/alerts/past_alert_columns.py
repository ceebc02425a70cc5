"""Past alerts as columns, so that previews can look at a million of them (pure)."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from firebell.alerts.model import matched_labels
from firebell.kit.matchers import Matcher

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
NEVER = 2**63 - 1
"""The end of an alert that still fires."""


def instant(microseconds: int) -> datetime:
    """Return the instant that PostgreSQL stores as microseconds since 2000."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds(at: datetime) -> int:
    """Return an instant as microseconds since 2000."""
    return (at - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class AlertKind:
    """What rules decide by; alerts that are alike are one kind, with the title and labels of any of them.

    `service_id` is the service of its integration, `routed_service_id` the one that a rule chose instead.
    """

    integration_id: int
    service_id: int
    dedup_key: str
    title: str
    severity: str | None
    labels: Mapping[str, str]
    routed_service_id: int | None = None

    @property
    def matched(self) -> dict[str, str]:
        """What matchers read of the alerts."""
        return matched_labels(self.title, self.severity, self.labels)


@dataclass(frozen=True, slots=True)
class AlertHistory:
    """Past alerts in the order of their ids: the index of the kind of each, its group, when it began and ended.

    Instants are in microseconds since 2000; a group is 0 if there is none. `incidents` has those that the pages of
    groups led to, by the group's id. With `is_cut` there are older alerts that were not read.
    """

    kinds: Sequence[AlertKind]
    ids: "array[int]"
    kind_of: "array[int]"
    groups: "array[int]"
    starts: "array[int]"
    ends: "array[int]"
    events: int
    incidents: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    is_cut: bool = False

    def positions(self, is_wanted: Callable[[AlertKind], bool]) -> Iterator[int]:
        """Yield the position of each alert of the wanted kinds, oldest first."""
        wanted = [is_wanted(kind) for kind in self.kinds]
        return (position for position, kind in enumerate(self.kind_of) if wanted[kind])


def names_of(conditions: Iterable[Matcher], *labels: str) -> list[str]:
    """Return the labels by which alerts must be told apart to compare them with conditions."""
    return sorted({"alertname", *labels, *(condition.name for condition in conditions)})
