"""A routing rule and a test of labels as forms have them (pure)."""

from collections.abc import Mapping

from firebell.alerts.routing_rules.rules import Owner, RoutingRule, Urgency
from firebell.kit import matchers
from firebell.kit.durations import minutes_text, to_seconds
from firebell.kit.errors import Invalid
from firebell.kit.matchers import MatcherError, Op
from firebell.kit.text import to_choice, to_number

AT_ONCE, AFTER_WAIT, AT_THRESHOLD, NO_ONE = "at_once", "wait", "threshold", "no_one"
PAGING = {
    AT_ONCE: "At once",
    AFTER_WAIT: "After a wait, if it still fires",
    AT_THRESHOLD: "After a number of events",
    NO_ONE: "No one",
}
_ONE_GROUP = "-"


def fields_of(rule: RoutingRule, place: int) -> dict[str, str]:
    """Return the values of the form of a rule, the `place`th."""
    paging = AT_ONCE
    if not rule.pages:
        paging = NO_ONE
    elif rule.threshold > 1:
        paging = AT_THRESHOLD
    elif rule.wait_s:
        paging = AFTER_WAIT
    group_by = "" if rule.group_by is None else ", ".join(rule.group_by) or _ONE_GROUP
    return {
        "name": rule.name,
        "matchers": rule.matchers,
        "service": str(rule.service_id) if rule.owner is Owner.SERVICE else rule.owner.value,
        "urgency": rule.urgency.value,
        "group_by": group_by,
        "paging": paging,
        "wait_s": str(rule.wait_s or 60),
        "threshold": str(rule.threshold if rule.threshold > 1 else 3),
        "window_minutes": minutes_text(rule.window_s),
        "place": str(place),
    }


def rule_of(fields: Mapping[str, str], edited: RoutingRule | None = None) -> RoutingRule:
    """Return the rule in a form, with the id of the edited one; raise `Invalid` naming the wrong field."""
    service, paging, urgency = fields.get("service", ""), fields.get("paging", ""), fields.get("urgency", "")
    owner = Owner(service) if service in (Owner.INTEGRATION, Owner.LABEL) else Owner.SERVICE
    if paging not in PAGING:
        raise Invalid("The rule is not complete.", fields={"paging": "Choose from the list."})
    if urgency not in set(Urgency):
        raise Invalid("The rule is not complete.", fields={"urgency": "Choose from the list."})
    labels = [label.strip() for label in fields.get("group_by", "").split(",")]
    return RoutingRule(
        name=fields.get("name", ""),
        matchers=fields.get("matchers", ""),
        id=edited.id if edited else 0,
        owner=owner,
        service_id=to_choice(service, "service") if owner is Owner.SERVICE else None,
        urgency=Urgency(urgency),
        group_by=None if labels == [""] else () if labels == [_ONE_GROUP] else tuple(filter(None, labels)),
        pages=paging != NO_ONE,
        wait_s=to_number(fields.get("wait_s", ""), "wait_s", least=1, most=3600)
        if paging == AFTER_WAIT
        else 0,
        threshold=to_number(fields.get("threshold", ""), "threshold", least=2, most=100)
        if paging == AT_THRESHOLD
        else 1,
        window_s=to_seconds(fields.get("window_minutes", ""), "window_minutes")
        if paging == AT_THRESHOLD
        else RoutingRule("", "").window_s,
    )


def parse_labels(text: str) -> dict[str, str]:
    """Return labels such as `team="payments"`, one a line or separated by commas; raise `Invalid` for other text."""
    lines = [line.strip().rstrip(",") for line in text.strip().splitlines() if line.strip()]
    try:
        parsed = matchers.parse(",".join(lines))
    except MatcherError as error:
        wrong = f"Character {error.start + 1}: {error.message}."
        raise Invalid("The labels can’t be read.", fields={"labels": wrong}) from None
    if any(matcher.op is not Op.EQUAL for matcher in parsed):
        raise Invalid("The labels can’t be read.", fields={"labels": 'Enter labels such as team="payments".'})
    return {matcher.name: matcher.value for matcher in parsed}
