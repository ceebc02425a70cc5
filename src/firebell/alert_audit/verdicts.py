"""The verdict on each rule of a team, by fixed rules (pure; spec 11.12)."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from statistics import median

from firebell.alert_audit.model import AuditVerdict, CountedRule, JudgedRule, RuleNumbers

BIN_S = 300
"""Two rules fire together if they fire in the same five minutes."""
QUICK_END_S = 300
OVERLAP_FROM = 0.8
NOISE_ABOVE = 0.5
QUICK_ENDS_ABOVE = 0.3
LEAST_CASES = 5
"""Fewer pages, or bins in common, say nothing."""
LEAST_FIRINGS = 10
"""A rule that fired less often is not proposed for deletion."""
RECENT_PAGES = 10
FLAPPING_FIRINGS = 3
"""An alert that fires this often in an hour flaps."""


@dataclass(frozen=True, slots=True)
class AuditedPage:
    """A page of a rule; `self_ended_s` is how long it took if its source ended it, None if not."""

    rule: str
    triggered_at: datetime
    is_urgent: bool
    is_noise: bool
    is_at_night: bool
    woken: tuple[int, ...]
    ack_s: int | None
    self_ended_s: int | None
    votes_yes: int
    votes_no: int
    has_incident: bool
    has_entry: bool
    group_id: int = 0

    @property
    def is_acted_on(self) -> bool:
        """True if it led to an incident or an entry, or someone says that it was actionable."""
        return self.has_incident or self.has_entry or self.votes_yes > 0

    @property
    def bin(self) -> int:
        """The five minutes in which it began."""
        return int(self.triggered_at.timestamp()) // BIN_S


def numbers(pages: Sequence[AuditedPage], firings: int, flapping_hours: int) -> RuleNumbers:
    """Return the numbers of a rule from its pages, oldest first; owner, runbook and graph are filled in later."""
    urgent = [page for page in pages if page.is_urgent]
    acks = [page.ack_s for page in urgent if page.ack_s is not None]
    ends = [page.self_ended_s for page in urgent if page.self_ended_s is not None]
    recent = pages[-RECENT_PAGES:]
    return RuleNumbers(
        firings=firings,
        pages=len(urgent),
        nights=sum(page.is_at_night for page in urgent),
        woken=len({person for page in urgent if page.is_at_night for person in page.woken}),
        ack_median_s=int(median(acks)) if acks else None,
        noise=sum(page.is_noise for page in urgent),
        acted_on=sum(page.is_acted_on for page in urgent),
        votes_yes=sum(page.votes_yes for page in pages),
        votes_no=sum(page.votes_no for page in pages),
        incidents=sum(page.has_incident for page in pages),
        entries=sum(page.has_entry for page in pages),
        self_ended=len(ends),
        quick_ends=sum(seconds <= QUICK_END_S for seconds in ends),
        ends_after_median_s=int(median(ends)) if ends else None,
        flapping_hours=flapping_hours,
        recent=len(recent),
        recent_ignored=sum(not page.is_acted_on for page in recent),
    )


def overlaps(bins: Mapping[str, Set[int]]) -> dict[str, dict[str, float]]:
    """Return by rule the rules that fire together with it in at least 80% of the bins of both, with that share."""
    places = {number: place for place, number in enumerate(set().union(*bins.values()))}
    masks = {rule: _mask(own, places) for rule, own in bins.items() if len(own) >= LEAST_CASES}
    shares: dict[str, dict[str, float]] = {}
    for (a, own), (b, other) in combinations(masks.items(), 2):
        common = (own & other).bit_count()
        share = common / (own | other).bit_count()
        if common >= LEAST_CASES and share >= OVERLAP_FROM:
            shares.setdefault(a, {})[b] = share
            shares.setdefault(b, {})[a] = share
    return shares


def _mask(bins: Set[int], places: Mapping[int, int]) -> int:
    """Return bins as an integer with one bit set for each: comparing two takes a microsecond, not milliseconds."""
    octets = bytearray(len(places) // 8 + 1)
    for number in bins:
        octets[places[number] // 8] |= 1 << places[number] % 8
    return int.from_bytes(octets)


def judge(
    rules: Sequence[CountedRule], pages: Sequence[AuditedPage], bins: Mapping[str, Set[int]]
) -> list[JudgedRule]:
    """Return the verdict on each rule, those that cost the most first."""
    shares = overlaps(bins)
    pages_of: dict[str, list[AuditedPage]] = {}
    for page in pages:
        if page.is_urgent:
            pages_of.setdefault(page.rule, []).append(page)
    by_name = {counted.rule: counted for counted in rules}
    judged = []
    for counted in rules:
        target = _merge_target(counted, by_name, shares.get(counted.rule, {}))
        verdicts = _verdicts(counted.numbers, target)
        own = pages_of.get(counted.rule, [])
        silenced = _silenced(verdicts[0], own, bins.get(target, frozenset()))
        effect = replace(
            counted.numbers,
            overlaps_with=target,
            overlap=shares[counted.rule][target] if target else 0.0,
            silenced=len(silenced),
            silenced_nights=sum(page.is_at_night for page in silenced),
            hidden=sum(page.has_incident for page in silenced),
        )
        merge_into = target if verdicts[0] is AuditVerdict.MERGE else ""
        judged.append(JudgedRule(replace(counted, numbers=effect), verdicts[0], merge_into, verdicts[1:]))
    return sorted(judged, key=lambda one: (-one.counted.numbers.cost, one.counted.rule))


def _merge_target(counted: CountedRule, rules: Mapping[str, CountedRule], shares: Mapping[str, float]) -> str:
    """Return the rule into which this one is merged: the one with the most pages of those that have more than it."""

    def rank(name: str) -> tuple[int, str]:
        return (-rules[name].numbers.pages, name)

    larger = [name for name in shares if name in rules and rank(name) < rank(counted.rule)]
    return min(larger, key=rank, default="")


def _verdicts(n: RuleNumbers, target: str) -> tuple[AuditVerdict, ...]:
    """Return all verdicts that apply; the first one is the verdict on the rule."""
    never_acted_on = n.votes_yes == n.entries == n.incidents == n.joined_acted_on == 0
    has_cases = n.pages >= LEAST_CASES
    applies = {
        AuditVerdict.ASSIGN_OWNER: not n.has_owner,
        AuditVerdict.DELETE: n.firings >= LEAST_FIRINGS and never_acted_on,
        AuditVerdict.MERGE: bool(target),
        AuditVerdict.DEMOTE: has_cases and n.noise_share > NOISE_ABOVE,
        AuditVerdict.TUNE: has_cases and (n.flapping_hours > 0 or n.quick_ends / n.pages > QUICK_ENDS_ABOVE),
        AuditVerdict.ADD_RUNBOOK: not n.has_runbook,
    }
    return tuple(verdict for verdict, does in applies.items() if does) or (AuditVerdict.KEEP,)


def _silenced(
    verdict: AuditVerdict, pages: Sequence[AuditedPage], target_bins: Set[int]
) -> list[AuditedPage]:
    """Return the urgent pages that the proposed change would have silenced, by replay."""
    match verdict:
        case AuditVerdict.DELETE | AuditVerdict.DEMOTE:
            return list(pages)
        case AuditVerdict.MERGE:
            return [page for page in pages if page.bin in target_bins]
        case AuditVerdict.TUNE:
            return [p for p in pages if p.self_ended_s is not None and p.self_ended_s <= QUICK_END_S]
        case _:
            return []
