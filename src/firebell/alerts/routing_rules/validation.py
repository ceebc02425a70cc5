"""What is wrong with routing rules, and which of them can never match (pure)."""

from collections.abc import Collection, Sequence
from datetime import timedelta

import msgspec

from firebell.alerts.routing_rules.rules import ALL_LABELS, Owner, RoutingRule
from firebell.kit import matchers
from firebell.kit.errors import Invalid
from firebell.kit.text import clean_name

MAX_RULES = 200
MAX_NAME_CHARS = 100
MAX_GROUP_LABELS = 10
MAX_LABEL_CHARS = 128
MAX_WAIT = timedelta(hours=1)
MIN_WINDOW, MAX_WINDOW = timedelta(minutes=1), timedelta(days=1)
MAX_THRESHOLD = 100


def checked(rules: Sequence[RoutingRule], service_ids: Collection[int]) -> list[RoutingRule]:
    """Return rules as they are stored; raise `Invalid` naming each wrong field as `rules.<number>.<field>`."""
    if len(rules) > MAX_RULES:
        raise Invalid(
            f"There are {len(rules)} rules.",
            fields={"rules": f"At most {MAX_RULES} rules. Combine some of them."},
        )
    wrong: dict[str, str] = {}
    stored = []
    for number, rule in enumerate(rules, 1):
        try:
            stored.append(checked_rule(rule, service_ids))
        except Invalid as error:
            wrong.update({f"rules.{number}.{name}": message for name, message in error.fields.items()})
    if wrong:
        raise Invalid("A routing rule is not complete.", fields=wrong)
    return stored


def check_ids(rules: Sequence[RoutingRule], last_id: int) -> None:
    """Raise `Invalid` unless each rule has an id of its own that was assigned before."""
    ids = [rule.id for rule in rules]
    if len(set(ids)) < len(ids) or not all(0 < id_ <= last_id for id_ in ids):
        raise Invalid(
            "Two rules have one ID, or a rule has an ID that was never assigned.",
            fields={"rules": "Leave the ID out for a new rule."},
        )


def checked_rule(rule: RoutingRule, service_ids: Collection[int]) -> RoutingRule:
    """Return a rule as it is stored; raise `Invalid` naming each wrong field."""
    wrong: dict[str, str] = {}
    name, text = "", ""
    try:
        name = clean_name(rule.name, "name", limit=MAX_NAME_CHARS)
    except Invalid as error:
        wrong.update(error.fields)
    try:
        text = matchers.checked(rule.matchers, "matchers", 'Enter matchers such as {team="payments"}.')
    except Invalid as error:
        wrong.update(error.fields)
    parsed = matchers.parse(text)
    if not text and "matchers" not in wrong:
        wrong["matchers"] = "Enter at least one matcher. What no rule matches goes to the fallback rule."
    elif not rule.pages and all(matcher.matches({}) for matcher in parsed):
        wrong.setdefault(
            "matchers",
            "A rule that pages no one needs a matcher that alerts without labels do not meet,"
            ' such as severity="info".',
        )
    group_by = (
        None if rule.group_by is None else tuple(dict.fromkeys(label.strip() for label in rule.group_by))
    )
    wrong.update(_wrong_numbers(rule))
    wrong.update(_wrong_labels(group_by))
    service_id = rule.service_id if rule.owner is Owner.SERVICE else None
    if rule.owner is Owner.SERVICE and service_id not in service_ids:
        wrong["service"] = "Choose a service."
    if wrong:
        raise Invalid("The rule is not complete.", fields=wrong)
    is_threshold = rule.pages and rule.threshold > 1
    return msgspec.structs.replace(
        rule,
        name=name,
        matchers=text,
        service_id=service_id,
        group_by=(ALL_LABELS,) if group_by and ALL_LABELS in group_by else group_by,
        wait_s=rule.wait_s if rule.pages else 0,
        threshold=rule.threshold if is_threshold else 1,
        window_s=rule.window_s if is_threshold else RoutingRule("", "").window_s,
    )


def _wrong_numbers(rule: RoutingRule) -> dict[str, str]:
    wrong = {}
    if not 0 <= rule.wait_s <= MAX_WAIT.total_seconds():
        wrong["wait_s"] = f"Enter 0 to {int(MAX_WAIT.total_seconds())} seconds."
    if not 1 <= rule.threshold <= MAX_THRESHOLD:
        wrong["threshold"] = f"Enter a number from 1 to {MAX_THRESHOLD}."
    if not MIN_WINDOW.total_seconds() <= rule.window_s <= MAX_WINDOW.total_seconds():
        wrong["window_s"] = "Enter a window from 1 minute to 1 day."
    if rule.pages and rule.wait_s and rule.threshold > 1 and not wrong:
        wrong["wait_s"] = "Use either a wait or a threshold."
    return wrong


def _wrong_labels(group_by: tuple[str, ...] | None) -> dict[str, str]:
    if group_by is None:
        return {}
    if len(group_by) > MAX_GROUP_LABELS:
        return {"group_by": f"At most {MAX_GROUP_LABELS} labels, or ... for all."}
    if any(not 0 < len(label) <= MAX_LABEL_CHARS or not label.isprintable() for label in group_by):
        return {"group_by": "Enter the names of labels, separated by commas, or ... for all."}
    return {}


def shadowed(rules: Sequence[RoutingRule]) -> dict[int, int]:
    """Return the numbers of rules that can never match, each with the number of an earlier rule that takes its alerts.

    An earlier rule takes them all if each of its matchers is also in the later rule; nothing else is checked. An
    unreadable rule takes none.
    """
    sets = [_printed(rule) for rule in rules]
    taken: dict[int, int] = {}
    for later, wanted in enumerate(sets):
        earlier = next((i for i in range(later) if sets[i] and sets[i] <= wanted), None)
        if earlier is not None:
            taken[later + 1] = earlier + 1
    return taken


def _printed(rule: RoutingRule) -> frozenset[str]:
    """Return the matchers of a rule as text, or an empty set if they can't be read."""
    try:
        return frozenset(map(str, matchers.parse(rule.matchers)))
    except matchers.MatcherError:
        return frozenset()
