"""What differs between two versions of the routing rules, in words (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firebell.alerts.routing_rules.rules import ALL_LABELS, Owner, RoutingRule, Urgency
from firebell.kit.durations import exact

OWNER_LABELS = {
    Owner.INTEGRATION: "Service of the integration",
    Owner.LABEL: "Service named by the label service",
}
URGENCY_LABELS = {Urgency.SEVERITY: "From severity", Urgency.HIGH: "High", Urgency.LOW: "Low"}
NEW, REMOVED, MOVED, CHANGED = "new", "removed", "moved", "changed"


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One difference: of a rule that is new, removed, moved or changed."""

    rule_id: int
    kind: str
    text: str


def changes(
    before: Sequence[RoutingRule], after: Sequence[RoutingRule], services: Mapping[int, str] | None = None
) -> list[RuleChange]:
    """Return the differences in the order of the new rules, removed ones last; `services` has names by id."""
    names = services or {}
    old = {rule.id: rule for rule in before}
    kept = {rule.id for rule in after}
    places = _places([rule for rule in before if rule.id in kept])
    result = []
    for rule in after:
        if rule.id not in old:
            text = f"New rule {rule.name}: {rule.matchers}; {_summary(rule, names)}"
            result.append(RuleChange(rule.id, NEW, text))
            continue
        previous = old[rule.id]
        if previous != rule:
            texts = _changed(previous, rule, names)
            result.append(RuleChange(rule.id, CHANGED, f"{rule.name}: {'; '.join(texts)}"))
    order = _places([rule for rule in after if rule.id in old])
    for rule in after:
        if rule.id in old and order[rule.id] != places[rule.id]:
            place = [each.id for each in after].index(rule.id) + 1
            result.append(RuleChange(rule.id, MOVED, f"{rule.name}: now rule {place}"))
    result += [
        RuleChange(rule.id, REMOVED, f"Removed rule {rule.name}") for rule in before if rule.id not in kept
    ]
    return result


def _places(rules: Sequence[RoutingRule]) -> dict[int, int]:
    return {rule.id: place for place, rule in enumerate(rules)}


def _changed(before: RoutingRule, after: RoutingRule, services: Mapping[int, str]) -> list[str]:
    texts = []
    if before.name != after.name:
        texts.append(f"name: {before.name} → {after.name}")
    if before.matchers != after.matchers:
        texts.append(f"matchers: {before.matchers} → {after.matchers}")
    old, new = facts(before, services), facts(after, services)
    texts += [f"{name.lower()}: {old[name]} → {new[name]}" for name in new if new[name] != old[name]]
    return texts


def _summary(rule: RoutingRule, services: Mapping[int, str]) -> str:
    return "; ".join(f"{name.lower()}: {value}" for name, value in facts(rule, services).items())


def facts(rule: RoutingRule, services: Mapping[int, str]) -> dict[str, str]:
    """Return what a rule does, as labels and values for people."""
    return {
        "Service": _owner(rule, services),
        "Group by": _group_by(rule),
        "Pages": _sentence_case(pages_text(rule)),
        "Urgency": URGENCY_LABELS[rule.urgency],
    }


def _owner(rule: RoutingRule, services: Mapping[int, str]) -> str:
    label = OWNER_LABELS.get(rule.owner)
    return label or services.get(rule.service_id or 0, f"service {rule.service_id}")


def _group_by(rule: RoutingRule) -> str:
    if rule.group_by is None:
        return "service"
    if ALL_LABELS in rule.group_by:
        return "all labels"
    return ", ".join(rule.group_by) or "nothing"


def pages_text(rule: RoutingRule) -> str:
    """Return when the groups of a rule page, such as "after 5 min"."""
    if not rule.pages:
        return "no one"
    if rule.threshold > 1:
        return f"after {rule.threshold} events in {exact(rule.window_s)}"
    return f"after {exact(rule.wait_s)}" if rule.wait_s else "at once"


def _sentence_case(text: str) -> str:
    return text[0].upper() + text[1:]
