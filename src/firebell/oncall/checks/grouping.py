"""Gaps that come again and again, told once; each of them stays a finding of its own for who asks (pure)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.kit.localtime import format_range, to_local
from firebell.oncall.checks.rules import HORIZON, Finding, Fix, key, nobody

GROUP_AT_LEAST = 3
"""From so many on gaps are told as one."""
_DAY = timedelta(days=1)

_Kind = tuple[str, str, timedelta]
"""The policy that has nobody then, the time of day of the beginning, and the length, on the wall clock."""


def group_gaps(found: Sequence[Finding], tz: str, now: datetime) -> list[Finding]:
    """Return findings in their order, gaps of one kind once, in place of the first of them.

    One kind are gaps to come that begin at the same time of day in `tz`, last as long, and have the same
    weight. What the horizon cuts off belongs to those that it begins like.
    """
    kinds: dict[_Kind, list[Finding]] = {}
    for finding in found:
        if finding.code == "S-GAP" and finding.start and finding.end and finding.start > now:
            kind = _kind(finding, finding.start, finding.end, tz)
            if finding.end == now + HORIZON:
                kind = next((k for k in kinds if k[:2] == kind[:2] and k[2] >= kind[2]), kind)
            kinds.setdefault(kind, []).append(finding)
    many = {gaps[0].id: (kind, gaps) for kind, gaps in kinds.items() if len(gaps) >= GROUP_AT_LEAST}
    gone = {finding.id for _, gaps in many.values() for finding in gaps[1:]}
    return [_once(*many[f.id], tz) if f.id in many else f for f in found if f.id not in gone]


def _kind(finding: Finding, start: datetime, end: datetime, tz: str) -> _Kind:
    begins = to_local(start, tz)
    return finding.policy, f"{begins:%H%M}", to_local(end, tz) - begins


def _once(kind: _Kind, gaps: Sequence[Finding], tz: str) -> Finding:
    first, (policy, begins, length) = gaps[0], kind
    assert first.start
    assert first.end
    overnight = to_local(first.start, tz).date() != to_local(first.end, tz).date()
    word = "times" if length >= _DAY else "nights" if overnight else "days"
    often = f"{len(gaps)} times" if word == "times" else f"on {len(gaps)} {word}"
    parts = (f"{begins}+{length // timedelta(minutes=1)}", *([policy] if policy else []))
    return replace(
        first,
        id=key("S-GAP", *parts),
        message=nobody(f"{often}, first {format_range(first.start, first.end, tz)} {tz}", policy),
        fix=Fix("edit", "Edit rotation", {}),
    )
