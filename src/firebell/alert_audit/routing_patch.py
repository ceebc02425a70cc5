"""The change of Firebell's own routing rules that a verdict proposes (pure; spec 11.12).

It is as narrow as the last alert of the rule allows: a rule for one alert must not catch those of others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from firebell.alert_audit.model import AuditVerdict, JudgedRule
from firebell.alerts.model import matched_labels
from firebell.alerts.routing_rules.changes import facts
from firebell.alerts.routing_rules.rules import Routing, RoutingRule, Urgency
from firebell.kit.line_diff import DiffLine, difference
from firebell.kit.matchers import Matcher, Op, parse, print_all
from firebell.kit.truncation import cut
from firebell.metrics.model import RULE_MAX_CHARS

WAIT_S = 300
"""How long a tuned alert must fire before it pages."""
NARROWING = ("severity", "service", "team", "namespace", "job", "env", "environment", "cluster")
"""Labels that, if the last alert has them, an alert must share with it."""
SEPARATING = ("service", "team", "namespace")
"""Labels that tell the alerts of one team from those of others; jobs and clusters are shared."""
NAME_BYTES = 60


@dataclass(frozen=True, slots=True)
class RoutingPatch:
    """The rules after the change, based on a version, and the difference of the rule that changes."""

    based_on: int
    rules: tuple[RoutingRule, ...]
    place: int
    """The number of the rule that is new or changed."""
    lines: tuple[DiffLine, ...]

    @property
    def rule(self) -> RoutingRule:
        """The rule that is new or changed."""
        return self.rules[self.place - 1]


def patch(
    judged: JudgedRule,
    quarter: str,
    in_force: Sequence[RoutingRule],
    routing: Routing,
    services: Mapping[int, str],
    *,
    is_only_team: bool,
) -> RoutingPatch | None:
    """Return the change that the verdict on a rule proposes; None if it proposes none, or it is in force already.

    `routing` has the rules that are `in_force`, ready to match. A change is never proposed if it would have hidden a
    page which led to an incident, or if its matchers could meet alerts of another team now or later: routing rules are
    for the alerts of all teams. `is_only_team` means that no other team owns a service.
    """
    if judged.counted.numbers.hidden or judged.verdict not in _WORDS:
        return None
    if not (is_only_team or any(judged.counted.labels.get(name) for name in SEPARATING)):
        return None
    if not judged.counted.labels.get("alertname") and len(judged.counted.rule) >= RULE_MAX_CHARS:
        # it is cut, and a matcher compares the whole title
        return None
    labels = judged.counted.labels
    rules = list(in_force)
    read_labels = matched_labels(judged.counted.rule, labels.get("severity"), labels)
    matching = routing.first(read_labels)
    old = matching.rule if matching else None
    position = next((place for place, rule in enumerate(rules) if rule == old), len(rules))
    own = own_matchers(judged)
    changed = _changed(old or RoutingRule("", own), judged.verdict)
    if changed is None:
        return None
    if old is not None and print_all(parse(old.matchers)) == own:
        rules[position] = changed
        lines = difference(text(old, services), text(changed, services))
    else:
        name = f"{cut(judged.counted.rule, NAME_BYTES)}: {_WORDS[judged.verdict]} (audit {quarter})"
        changed = msgspec.structs.replace(changed, id=0, name=name, matchers=own)
        rules.insert(position, changed)
        lines = difference("", text(changed, services))
    return RoutingPatch(routing.version_id, tuple(rules), position + 1, tuple(lines))


_WORDS = {
    AuditVerdict.DELETE: "pages no one",
    AuditVerdict.DEMOTE: "low urgency",
    AuditVerdict.TUNE: "waits",
}


def own_matchers(judged: JudgedRule) -> str:
    """Return matchers that only alerts like the last one of a rule meet."""
    labels = judged.counted.labels
    name = "alertname" if labels.get("alertname") else "title"
    value = labels.get("alertname") or judged.counted.rule
    chosen = {name: value, **{each: labels[each] for each in NARROWING if labels.get(each)}}
    return print_all([Matcher(each, Op.EQUAL, of) for each, of in chosen.items()])


def _changed(rule: RoutingRule, verdict: AuditVerdict) -> RoutingRule | None:
    """Return a rule as the verdict wants it, None if it is so already."""
    if not rule.pages:
        return None
    match verdict:
        case AuditVerdict.DELETE:
            return msgspec.structs.replace(rule, pages=False, wait_s=0, threshold=1)
        case AuditVerdict.DEMOTE if rule.urgency is not Urgency.LOW:
            return msgspec.structs.replace(rule, urgency=Urgency.LOW)
        case AuditVerdict.TUNE if rule.threshold == 1 and rule.wait_s < WAIT_S:
            return msgspec.structs.replace(rule, wait_s=WAIT_S)
        case _:
            return None


def text(rule: RoutingRule, services: Mapping[int, str]) -> str:
    """Return a rule as lines for a difference."""
    lines = [f"{name.lower()}: {value}" for name, value in facts(rule, services).items()]
    return "\n".join([rule.name, f"match: {rule.matchers}", *lines])
