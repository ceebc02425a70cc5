"""Group recurring gaps into one finding (pure)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.kit.localtime import format_range, to_local
from firebell.oncall.checks.rules import CHECKS_HORIZON, Fix, ScheduleFinding, gap_message, key

MIN_GAPS_GROUPED = 3
_DAY = timedelta(days=1)

_Kind = tuple[str, str, timedelta]
"""(policy without anyone then, local time of day of the start, length in local time)"""


def group_gaps(findings: Sequence[ScheduleFinding], tz: str, now: datetime) -> list[ScheduleFinding]:
    """Return findings in their order, with three or more gaps of one kind as one, in place of the first.

    Gaps of one kind start at the same time of day in `tz`, last equally long, and leave the same policy
    uncovered. A gap that the horizon cuts off joins the kind with the same start.
    """
    kinds: dict[_Kind, list[ScheduleFinding]] = {}
    for finding in findings:
        if finding.code == "S-GAP" and finding.start and finding.end and finding.start > now:
            kind = _kind(finding, finding.start, finding.end, tz)
            if finding.end == now + CHECKS_HORIZON:
                kind = next((k for k in kinds if k[:2] == kind[:2] and k[2] >= kind[2]), kind)
            kinds.setdefault(kind, []).append(finding)
    grouped = {gaps[0].id: (kind, gaps) for kind, gaps in kinds.items() if len(gaps) >= MIN_GAPS_GROUPED}
    merged_ids = {finding.id for _, gaps in grouped.values() for finding in gaps[1:]}
    return [_merged(*grouped[f.id], tz) if f.id in grouped else f for f in findings if f.id not in merged_ids]


def _kind(finding: ScheduleFinding, start: datetime, end: datetime, tz: str) -> _Kind:
    begins = to_local(start, tz)
    return finding.policy, f"{begins:%H%M}", to_local(end, tz) - begins


def _merged(kind: _Kind, gaps: Sequence[ScheduleFinding], tz: str) -> ScheduleFinding:
    first, (policy, begins, length) = gaps[0], kind
    assert first.start
    assert first.end
    overnight = to_local(first.start, tz).date() != to_local(first.end, tz).date()
    unit = "times" if length >= _DAY else "nights" if overnight else "days"
    often = f"{len(gaps)} times" if unit == "times" else f"on {len(gaps)} {unit}"
    parts = (f"{begins}+{length // timedelta(minutes=1)}", *([policy] if policy else []))
    return replace(
        first,
        id=key("S-GAP", *parts),
        message=gap_message(f"{often}, first {format_range(first.start, first.end, tz)} {tz}", policy),
        fix=Fix("edit", "Edit rotation", {}),
    )
