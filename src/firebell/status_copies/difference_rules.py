"""What is different on a copy (T-DRIFT; pure, spec 7.16 and 7.17)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from firebell.status_copies.model import DifferenceKind, RemoteComponent, RemoteIncident
from firebell.status_copies.text_limits import BODY_MAX_CHARS, NAME_MAX_CHARS, comparable
from firebell.status_pages.model import STAGE_LABELS, STATUS_LABELS, ComponentStatus, PublicIncident, Stage

MISSING = "Not there"


@dataclass(frozen=True, slots=True)
class ObservedDifference:
    """A difference as of now; (kind, subject) tells it apart on one copy."""

    kind: DifferenceKind
    subject: str
    label: str
    ours: str
    theirs: str


def of_incident(
    published: PublicIncident, sent_text: str, remote: RemoteIncident | None
) -> list[ObservedDifference]:
    """Return what is different of an incident whose every update was sent; `sent_text` is the text of the last one."""
    latest = published.updates[-1]

    def difference(kind: DifferenceKind, ours: str, theirs: str) -> ObservedDifference:
        subject, label = published.public_id, published.name
        return ObservedDifference(kind, subject, label, ours, theirs[:BODY_MAX_CHARS])

    if remote is None:
        return [difference(DifferenceKind.GONE, STAGE_LABELS[latest.stage], MISSING)]
    differences = []
    theirs_latest = remote.newest
    if remote.stage is not latest.stage:
        theirs = STAGE_LABELS[remote.stage] if isinstance(remote.stage, Stage) else "Another stage"
        differences.append(difference(DifferenceKind.STAGE, STAGE_LABELS[latest.stage], theirs))
    if theirs_latest is None or comparable(theirs_latest.body) != comparable(sent_text):
        theirs = theirs_latest.body if theirs_latest else MISSING
        differences.append(difference(DifferenceKind.TEXT, sent_text, theirs))
    is_cut = len(published.name) > NAME_MAX_CHARS
    if not is_cut and comparable(remote.name) != comparable(published.name):
        differences.append(difference(DifferenceKind.NAME, published.name, remote.name))
    return differences


def worst_by_remote(
    mapped: Mapping[int, str], statuses: Mapping[int, ComponentStatus]
) -> dict[str, ComponentStatus]:
    """Return the status of each remote component: the worst of those that are mapped to it."""
    worst: dict[str, ComponentStatus] = {}
    for component_id, remote_id in mapped.items():
        if component_id in statuses:
            worst[remote_id] = max(worst.get(remote_id, statuses[component_id]), statuses[component_id])
    return worst


def of_components(
    expected: Mapping[str, ComponentStatus],
    names: Mapping[str, str],
    remote: Iterable[RemoteComponent],
) -> list[ObservedDifference]:
    """Return the mapped components whose status is different there, or that are not there.

    `names` are what the mapped components are called here.
    """
    theirs = {component.id: component for component in remote}
    differences = []
    for remote_id, status in expected.items():
        component = theirs.get(remote_id)
        if component is not None and component.status is status:
            continue
        shown = MISSING
        if component is not None:
            shown = STATUS_LABELS[component.status] if component.status is not None else "Another status"
        label = names.get(remote_id, remote_id)
        differences.append(
            ObservedDifference(DifferenceKind.COMPONENT, remote_id, label, STATUS_LABELS[status], shown)
        )
    return differences


def same_names(ours: Mapping[int, str], theirs: Iterable[RemoteComponent]) -> dict[int, str]:
    """Return the map that equal names suggest; a name that is not unique there suggests nothing."""
    by_name: dict[str, list[str]] = {}
    for component in theirs:
        by_name.setdefault(component.name.strip().casefold(), []).append(component.id)
    matches = {component_id: by_name.get(name.strip().casefold(), []) for component_id, name in ours.items()}
    return {component_id: ids[0] for component_id, ids in matches.items() if len(ids) == 1}
