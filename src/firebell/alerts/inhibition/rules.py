"""Which alerts inhibit which (pure, spec 3.3; decision 0087)."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from firebell.alerts import event_placement, mutes
from firebell.alerts.cleaning import MAX_NAME
from firebell.alerts.inhibition.model import (
    CompiledInhibitionRule,
    InhibitionRule,
    NewInhibitionRule,
    NewInhibitor,
)
from firebell.alerts.label_index import LabelIndex
from firebell.alerts.model import Event, EventKind, InboundRequest, is_test_key, matched_labels
from firebell.alerts.mutes import Mute
from firebell.kit import matchers
from firebell.kit.errors import Invalid
from firebell.kit.matchers import Matcher, Op, matches_all
from firebell.kit.text import clean_name
from firebell.kit.web.field_errors import FieldErrors

NAME_MAX_CHARS = 100
MATCHERS_MAX_CHARS = 1_000
MAX_EQUAL = 5
LONGEST_WAIT_S = 60
EXAMPLE = 'Enter matchers such as {alertname="NodeDown"}.'

Labels = Mapping[str, str]
AlertKey = tuple[int, str]
"""The integration and the deduplication key of an alert."""


def checked(entered: NewInhibitionRule) -> NewInhibitionRule:
    """Return a rule as it is stored; raise `Invalid` with the message of every wrong field."""
    errors = FieldErrors()
    name = errors.value(lambda: clean_name(entered.name, "name", limit=NAME_MAX_CHARS), "")
    source = errors.value(lambda: _matchers(entered.source_matchers, "source_matchers"), "")
    target = errors.value(lambda: _matchers(entered.target_matchers, "target_matchers"), "")
    equal = tuple(dict.fromkeys(filter(None, (label.strip() for label in entered.equal))))
    if len(equal) > MAX_EQUAL or any(len(label) > MAX_NAME or not label.isprintable() for label in equal):
        errors.add("equal", f"Enter at most {MAX_EQUAL} label names of at most {MAX_NAME} characters.")
    if not 0 <= entered.wait_s <= LONGEST_WAIT_S:
        errors.add("wait_s", f"Enter 0 to {LONGEST_WAIT_S} seconds.")
    errors.check()
    return replace(entered, name=name, source_matchers=source, target_matchers=target, equal=equal)


def _matchers(text: str, field_name: str) -> str:
    stored = mutes.checked_matchers(text, field_name, EXAMPLE)
    if len(stored) > MATCHERS_MAX_CHARS:
        raise Invalid(
            "The matchers are too long.",
            fields={field_name: f"Enter at most {MATCHERS_MAX_CHARS} characters."},
        )
    return stored


def compiled(rules: Iterable[InhibitionRule]) -> tuple[CompiledInhibitionRule, ...]:
    """Return rules with their matchers parsed; one that can't be parsed inhibits nothing."""
    result = []
    for rule in rules:
        try:
            source, target = matchers.cheapest_first(rule.source), matchers.cheapest_first(rule.target)
        except matchers.MatcherError:
            continue
        sides = (rule.source_matchers, rule.target_matchers, *rule.equal)
        version = hashlib.sha256("\x1f".join(sides).encode("utf-8", "surrogatepass")).hexdigest()
        result.append(
            CompiledInhibitionRule(rule.id, rule.name, source, target, rule.equal, rule.wait_s, version)
        )
    return tuple(result)


def compiled_new(new: NewInhibitionRule) -> CompiledInhibitionRule:
    """Return a checked rule that is not stored, with its matchers parsed."""
    source, target = matchers.parse(new.source_matchers), matchers.parse(new.target_matchers)
    return CompiledInhibitionRule(0, new.name, source, target, new.equal, new.wait_s)


def versions(rules: Iterable[CompiledInhibitionRule]) -> dict[int, str]:
    """Return the version of each rule; mutes of others are of a deleted rule, or of one before a change."""
    return {rule.id: rule.version for rule in rules}


class RuleIndex:
    """Rules, and an index of their sides by label."""

    def __init__(self, rules: Sequence[CompiledInhibitionRule] = ()) -> None:
        self.rules = rules
        sides = [side for rule in rules for side in (rule.source, rule.target)]
        self._sides = LabelIndex((side, side) for side in sides)

    def touches(self, requests: Iterable[InboundRequest]) -> bool:
        """Return True if an event that fires is a source or a target of a rule."""
        # every alert is asked, and hardly any has a candidate
        for received in requests if self.rules else ():
            for event in received.incoming:
                if event.kind is not EventKind.FIRING:
                    continue
                labels = _labels_of(event)
                for side in self._sides.candidates(labels):
                    if matches_all(side, labels) and _may_inhibit(received, event):
                        return True
        return False


def takes_part(dedup_key: str, labels: Labels) -> bool:
    """Return True if an alert may inhibit others and be inhibited: a test alert must hide no real one."""
    return not (mutes.always_pages(dedup_key, labels) or is_test_key(dedup_key))


def _firing(
    rules: Sequence[CompiledInhibitionRule], requests: Iterable[InboundRequest]
) -> Iterator[tuple[InboundRequest, Event, Labels]]:
    """Yield the events that fire and that may be inhibited, with the labels that matchers see."""
    for received in requests if rules else ():
        for event in received.incoming:
            if event.kind is EventKind.FIRING and _may_inhibit(received, event):
                yield received, event, _labels_of(event)


def _may_inhibit(received: InboundRequest, event: Event) -> bool:
    return received.error is None and takes_part(event.dedup_key, event.labels)


def _labels_of(event: Event) -> Labels:
    return matched_labels(event.title, event.severity, event.labels)


def _key(rule: CompiledInhibitionRule, labels: Labels, *, is_two_sided: bool) -> bytes:
    values = "\x1f".join(labels.get(label, "") for label in rule.equal)
    text = f"{rule.id}\x1f{rule.version}\x1f{is_two_sided}\x1f{values}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def inhibitor(rule: CompiledInhibitionRule, labels: Labels) -> NewInhibitor:
    """Return the mute of a source with these labels."""
    is_two_sided = matches_all(rule.target, labels)
    same = [Matcher(label, Op.EQUAL, labels.get(label, "")) for label in rule.equal]
    return NewInhibitor(
        key=_key(rule, labels, is_two_sided=is_two_sided),
        rule_id=rule.id,
        version=rule.version,
        name=rule.name,
        matchers=matchers.print_all([*rule.target, *same]),
        excluded=matchers.print_all(rule.source) if is_two_sided else "",
    )


def target_keys(rules: Sequence[CompiledInhibitionRule], labels: Labels) -> list[bytes]:
    """Return the keys of the mutes that would inhibit an alert with these labels."""
    keys = []
    for rule in rules:
        if matches_all(rule.target, labels):
            keys.append(_key(rule, labels, is_two_sided=False))
            if not matches_all(rule.source, labels):
                keys.append(_key(rule, labels, is_two_sided=True))
    return keys


def source_keys(rules: Sequence[CompiledInhibitionRule], labels: Labels) -> list[NewInhibitor]:
    """Return the mutes of an alert with these labels as a source."""
    return [inhibitor(rule, labels) for rule in rules if matches_all(rule.source, labels)]


def all_keys(rules: Sequence[CompiledInhibitionRule], requests: Iterable[InboundRequest]) -> set[bytes]:
    """Return the keys of all mutes that events may inhibit or be inhibited by."""
    keys: set[bytes] = set()
    for _, _, labels in _firing(rules, requests):
        keys.update(target_keys(rules, labels))
        keys.update(new.key for new in source_keys(rules, labels))
    return keys


@dataclass(slots=True)
class InhibitionPlan:
    """What the events of a batch are: `sources` with their mutes, `targets` with the keys of theirs, in order.

    `waits` has the targets that nothing inhibits yet, with the seconds that they wait for a source. Once the mutes are
    stored, `mutes` has those of each key, and `waiting` the one of each target that waits.
    """

    new: dict[bytes, NewInhibitor] = field(default_factory=dict)
    sources: dict[AlertKey, list[bytes]] = field(default_factory=dict)
    targets: dict[bytes, set[int]] = field(default_factory=dict)
    waits: dict[AlertKey, int] = field(default_factory=dict)
    waiting: dict[AlertKey, Mute] = field(default_factory=dict)
    mutes: dict[bytes, Mute] = field(default_factory=dict)


def plan(
    rules: Sequence[CompiledInhibitionRule], requests: Iterable[InboundRequest], running: Iterable[bytes]
) -> InhibitionPlan:
    """Return what a batch changes, given the keys of the mutes that run.

    An alert that is inhibited when it fires is no source, so that no two alerts inhibit each other (A7).
    """
    result, known = InhibitionPlan(), set(running)
    for received, event, labels in _firing(rules, requests):
        key = (received.integration_id, event.dedup_key)
        keys = target_keys(rules, labels)
        for each in keys:
            result.targets.setdefault(each, set()).add(event_placement.service_of(received, event))
        if known.intersection(keys):
            continue
        for new in source_keys(rules, labels):
            result.new[new.key] = new
            result.sources.setdefault(key, []).append(new.key)
            known.add(new.key)
        if wait_s := max((rule.wait_s for rule in rules if matches_all(rule.target, labels)), default=0):
            result.waits[key] = wait_s
    return result


def ends_a_source(rules: Sequence[CompiledInhibitionRule], ended: Iterable[Event]) -> bool:
    """Return True if one of the ended alerts may have been a source."""
    return any(matches_all(rule.source, labels) for labels in map(_labels_of, ended) for rule in rules)
