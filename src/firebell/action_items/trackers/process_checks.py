"""Process checks of links: X-CONFLICT, X-ASSIGNEE, X-REFUSED, X-GONE and X-ACCESS (spec 11.10); pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from firebell.action_items.model import ActionItem, ItemEvent
from firebell.action_items.trackers.model import FIELD_NAMES, LinkState, SyncField, Tracker, TrackerLink
from firebell.kit.findings import FindingLevel, FixButton, ProcessFinding

CONFLICTS_SHOWN_FOR = timedelta(days=7)
CODES = frozenset({"X-CONFLICT", "X-ASSIGNEE", "X-REFUSED", "X-GONE", "X-ACCESS"})


def findings(
    ref: str,
    items: Iterable[ActionItem],
    links: Mapping[int, Sequence[TrackerLink]],
    trackers: Mapping[int, Tracker],
    conflicts: Mapping[int, Sequence[ItemEvent]],
) -> list[ProcessFinding]:
    """Return the findings of the links of items, in the order of the items."""
    results: list[ProcessFinding] = []
    for item in items:
        for link in links.get(item.id, ()):
            if link.tracker_id in trackers:
                results += _of_link(ref, item, link, trackers[link.tracker_id])
        for event in conflicts.get(item.id, ()):
            text = f"{event.note} It had “{event.old}” and has “{event.new}”."
            results.append(
                _finding(ref, item, "X-CONFLICT", FindingLevel.INFO, str(event.seq), text, "Check the value.")
            )
    return results


def _of_link(ref: str, item: ActionItem, link: TrackerLink, tracker: Tracker) -> list[ProcessFinding]:
    match link.state:
        case LinkState.GONE:
            if not item.is_unfinished:
                return []
            text = f"the issue was deleted in {tracker.name}"
            advice = "Link the item to another issue, or drop it."
            return [_finding(ref, item, "X-GONE", FindingLevel.WARNING, str(link.id), text, advice)]
        case LinkState.ERROR:
            text = f"{tracker.name} can’t be synced: {link.error}"
            advice = "Give the token access, or unlink the item."
            return [_finding(ref, item, "X-ACCESS", FindingLevel.WARNING, str(link.id), text, advice)]
    results = []
    for name in sorted(link.standoffs):
        is_assignee = name is SyncField.ASSIGNEE
        code, level = (
            ("X-ASSIGNEE", FindingLevel.WARNING) if is_assignee else ("X-REFUSED", FindingLevel.INFO)
        )
        text = f"{FIELD_NAMES[name].lower()} is not synced with {tracker.name}: {link.error}"
        advice = "Map this person to a user in the settings of the tracker." if is_assignee else "Change it."
        results.append(_finding(ref, item, code, level, f"{link.id}:{name}", text, advice))
    return results


def _finding(
    ref: str, item: ActionItem, code: str, level: FindingLevel, key: str, text: str, advice: str
) -> ProcessFinding:
    fix = FixButton("Open action item", page=f"/actions/{item.ref}")
    message = f"{item.ref}: {text}"
    return ProcessFinding(
        f"{ref}:{code}:{item.id}:{key}", code, level, message, subject=ref, advice=advice, fix=fix
    )
