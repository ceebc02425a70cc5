"""Who may do what: the one decision for web, API, CLI and everything that acts for a person (pure).

A person's present role decides which verbs are open to them; the scopes of a key can only narrow that.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from firebell.kit.errors import Forbidden
from firebell.people.model import SCOPES, Role


class Verb(StrEnum):
    """The permissions, as noun and verb; each route declares exactly one."""

    ALERT_READ = "alert.read"
    ALERT_SEND = "alert.send"
    SILENCE_READ = "silence.read"
    SILENCE_WRITE = "silence.write"
    INHIBITION_WRITE = "inhibition.write"
    SERVICE_READ = "service.read"
    SERVICE_WRITE = "service.write"
    INTEGRATION_READ = "integration.read"
    INTEGRATION_CREATE = "integration.create"
    INTEGRATION_REVEAL = "integration.reveal"
    INTEGRATION_REVOKE = "integration.revoke"
    ROUTING_READ = "routing.read"
    ROUTING_WRITE = "routing.write"
    HEARTBEAT_READ = "heartbeat.read"
    HEARTBEAT_WRITE = "heartbeat.write"
    PAGE_READ = "page.read"
    PAGE_RESPOND = "page.respond"
    PAGE_START = "page.start"
    POLICY_READ = "policy.read"
    POLICY_WRITE = "policy.write"
    SCHEDULE_READ = "schedule.read"
    SCHEDULE_WRITE = "schedule.write"
    OVERRIDE_WRITE = "override.write"
    SHIFT_TRADE = "shift.trade"
    TIME_OFF_WRITE = "time_off.write"
    COLLEAGUE_SHIFT_WRITE = "colleague_shift.write"
    CALENDAR_WRITE = "calendar.write"
    OWN_CALENDAR_READ = "own_calendar.read"
    OWN_CALENDAR_WRITE = "own_calendar.write"
    HANDOFF_READ = "handoff.read"
    HANDOFF_WRITE = "handoff.write"
    HANDOFF_NOTICE_WRITE = "handoff_notice.write"
    WORKLOAD_READ = "workload.read"
    PAY_READ = "pay.read"
    PAY_RATES_WRITE = "pay_rates.write"
    INCIDENT_READ = "incident.read"
    INCIDENT_READ_PRIVATE = "incident.read_private"
    INCIDENT_DECLARE = "incident.declare"
    INCIDENT_UPDATE = "incident.update"
    INCIDENT_SETTINGS_WRITE = "incident_settings.write"
    RESPONSE_READ = "response.read"
    RESPONSE_WRITE = "response.write"
    SAVED_VIEW_READ = "saved_view.read"
    SAVED_VIEW_WRITE = "saved_view.write"
    REGULATORY_READ = "regulatory.read"
    REGULATORY_RECORD = "regulatory.record"
    REGULATORY_WRITE = "regulatory.write"
    REGULATORY_DRAFT_READ = "regulatory_draft.read"
    REGULATORY_DRAFT_WRITE = "regulatory_draft.write"
    STATUS_PAGE_READ = "status_page.read"
    STATUS_PAGE_PUBLISH = "status_page.publish"
    STATUS_PAGE_WRITE = "status_page.write"
    AUDIENCE_READ = "audience.read"
    AUDIENCE_SEND = "audience.send"
    AUDIENCE_WRITE = "audience.write"
    CUSTOMER_READ = "customer.read"
    CUSTOMER_WRITE = "customer.write"
    SUBSCRIBER_READ = "subscriber.read"
    SUBSCRIBER_WRITE = "subscriber.write"
    STATUS_COPY_READ = "status_copy.read"
    STATUS_COPY_WRITE = "status_copy.write"
    CHAT_READ = "chat.read"
    CHAT_WRITE = "chat.write"
    ACTION_ITEM_READ = "action_item.read"
    ACTION_ITEM_WRITE = "action_item.write"
    NEAR_MISS_REPORT = "near_miss.report"
    TRACKER_READ = "tracker.read"
    TRACKER_WRITE = "tracker.write"
    WEBHOOK_READ = "webhook.read"
    WEBHOOK_WRITE = "webhook.write"
    METRICS_READ = "metrics.read"
    METRICS_REBUILD = "metrics.rebuild"
    ALERT_AUDIT_READ = "alert_audit.read"
    ALERT_AUDIT_WRITE = "alert_audit.write"
    ALERT_AUDIT_SIGN = "alert_audit.sign"
    ANOMALY_READ = "anomaly.read"
    ANOMALY_WRITE = "anomaly.write"
    COST_READ = "cost.read"
    COST_RATE_WRITE = "cost_rate.write"
    BUSINESS_IMPACT_WRITE = "business_impact.write"
    DIGEST_READ = "digest.read"
    DIGEST_SUBSCRIBE = "digest.subscribe"
    TEAM_DIGEST_WRITE = "team_digest.write"
    POSTMORTEM_READ = "postmortem.read"
    POSTMORTEM_WRITE = "postmortem.write"
    POSTMORTEM_PUBLISH = "postmortem.publish"
    POSTMORTEM_RATE = "postmortem.rate"
    RUNBOOK_READ = "runbook.read"
    RUNBOOK_WRITE = "runbook.write"
    RUNBOOK_SOURCE_WRITE = "runbook_source.write"
    RUNBOOK_RUN = "runbook.run"
    DRILL_READ = "drill.read"
    DRILL_JOIN = "drill.join"
    DRILL_RUN = "drill.run"
    DRILL_LEAD = "drill.lead"
    READINESS_READ = "readiness.read"
    READINESS_WAIVE = "readiness.waive"
    READINESS_SIGN = "readiness.sign"
    HANDBOOK_READ = "handbook.read"
    TEMPLATE_READ = "template.read"
    TEMPLATE_WRITE = "template.write"
    PERSON_READ = "person.read"
    PERSON_WRITE = "person.write"
    TEAM_WRITE = "team.write"
    FALLBACK_WRITE = "fallback_responders.write"
    AUDIT_READ = "audit.read"
    PHONE_USAGE_READ = "phone_usage.read"
    PHONE_USAGE_WRITE = "phone_usage.write"
    SELF_WATCH_READ = "self_watch.read"
    SELF_WATCH_WRITE = "self_watch.write"
    OWN_PROFILE_READ = "own_profile.read"
    OWN_PROFILE_WRITE = "own_profile.write"
    CONTACT_METHOD_READ = "contact_method.read"
    CONTACT_METHOD_WRITE = "contact_method.write"
    API_KEY_READ = "api_key.read"
    API_KEY_CREATE = "api_key.create"
    API_KEY_REVOKE = "api_key.revoke"
    SESSION_READ = "session.read"
    SESSION_END = "session.end"
    ACCESS_REVOKE = "access.revoke"
    ACTION_UNDO = "action.undo"
    SEARCH_READ = "search.read"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who a verb is open to: the roles, the scope that a key needs, and whether a key can do it at all."""

    roles: frozenset[Role]
    scope: str = ""
    by_key: bool = True


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of a request: the person's current role, and the scopes of the key (None for a browser)."""

    role: Role
    key_scopes: frozenset[str] | None = None

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes in force: those of the key as far as the role allows them, else all of the role."""
        allowed = ROLE_SCOPES[self.role]
        if self.key_scopes is None:
            return allowed
        implied = {i for scope in self.key_scopes for i in IMPLIED_SCOPES.get(scope, ())}
        return allowed & (self.key_scopes | implied)


EVERYONE = frozenset(Role)
RESPONDERS = EVERYONE - {Role.VIEWER}
MANAGERS = frozenset({Role.MANAGER, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})

IMPLIED_SCOPES = {"incidents:write": frozenset({"incidents:declare"})}
"""The scopes that are part of another one."""

ROLE_SCOPES = {
    Role.ADMIN: frozenset(SCOPES),
    Role.MANAGER: frozenset(SCOPES) - {"admin"},
    Role.RESPONDER: frozenset(SCOPES) - {"admin"},
    Role.VIEWER: frozenset(scope for scope in SCOPES if scope.endswith(":read")) | {"incidents:declare"},
}
"""The scopes that a key of a role can have."""

RULES = {
    Verb.ALERT_READ: Rule(EVERYONE, "pages:read"),
    Verb.ALERT_SEND: Rule(RESPONDERS, "alerts:write"),
    Verb.SILENCE_READ: Rule(EVERYONE, "pages:read"),
    Verb.SILENCE_WRITE: Rule(RESPONDERS, "pages:write"),
    Verb.INHIBITION_WRITE: Rule(RESPONDERS, "oncall:write"),
    Verb.SERVICE_READ: Rule(EVERYONE, "pages:read"),
    Verb.SERVICE_WRITE: Rule(RESPONDERS, "oncall:write"),
    Verb.INTEGRATION_READ: Rule(RESPONDERS, "oncall:write"),
    Verb.INTEGRATION_CREATE: Rule(RESPONDERS, "oncall:write"),
    Verb.INTEGRATION_REVEAL: Rule(RESPONDERS, "oncall:write"),
    Verb.INTEGRATION_REVOKE: Rule(RESPONDERS, "oncall:write"),
    Verb.ROUTING_READ: Rule(EVERYONE, "pages:read"),
    Verb.ROUTING_WRITE: Rule(MANAGERS, "oncall:write"),
    Verb.HEARTBEAT_READ: Rule(EVERYONE, "oncall:read"),
    Verb.HEARTBEAT_WRITE: Rule(RESPONDERS, "oncall:write"),
    Verb.PAGE_READ: Rule(EVERYONE, "pages:read"),
    Verb.PAGE_RESPOND: Rule(RESPONDERS, "pages:write"),
    Verb.PAGE_START: Rule(RESPONDERS, "pages:write"),
    Verb.POLICY_READ: Rule(EVERYONE, "oncall:read"),
    Verb.POLICY_WRITE: Rule(RESPONDERS, "oncall:write"),
    Verb.SCHEDULE_READ: Rule(EVERYONE, "oncall:read"),
    Verb.SCHEDULE_WRITE: Rule(RESPONDERS, "oncall:write"),
    Verb.OVERRIDE_WRITE: Rule(RESPONDERS, "oncall:write"),
    Verb.SHIFT_TRADE: Rule(RESPONDERS, "oncall:write"),
    Verb.TIME_OFF_WRITE: Rule(RESPONDERS, "oncall:write"),
    Verb.COLLEAGUE_SHIFT_WRITE: Rule(MANAGERS, "oncall:write"),
    Verb.CALENDAR_WRITE: Rule(RESPONDERS, "oncall:write"),
    Verb.OWN_CALENDAR_READ: Rule(EVERYONE, "oncall:read"),
    Verb.OWN_CALENDAR_WRITE: Rule(EVERYONE, "oncall:write"),
    Verb.HANDOFF_READ: Rule(EVERYONE, "oncall:read"),
    Verb.HANDOFF_WRITE: Rule(RESPONDERS, "oncall:write"),
    Verb.HANDOFF_NOTICE_WRITE: Rule(MANAGERS, "oncall:write"),
    Verb.WORKLOAD_READ: Rule(EVERYONE, "oncall:read"),
    Verb.PAY_READ: Rule(MANAGERS, "oncall:read"),
    Verb.PAY_RATES_WRITE: Rule(MANAGERS, "oncall:write"),
    Verb.INCIDENT_READ: Rule(EVERYONE, "incidents:read"),
    Verb.INCIDENT_READ_PRIVATE: Rule(MANAGERS, "incidents:read"),
    Verb.INCIDENT_DECLARE: Rule(EVERYONE, "incidents:declare"),
    Verb.INCIDENT_UPDATE: Rule(RESPONDERS, "incidents:write"),
    Verb.INCIDENT_SETTINGS_WRITE: Rule(MANAGERS, "incidents:write"),
    Verb.RESPONSE_READ: Rule(EVERYONE, "incidents:read"),
    Verb.RESPONSE_WRITE: Rule(MANAGERS, "incidents:write"),
    Verb.SAVED_VIEW_READ: Rule(EVERYONE, ""),
    Verb.SAVED_VIEW_WRITE: Rule(EVERYONE, "incidents:write"),
    Verb.REGULATORY_READ: Rule(EVERYONE, "incidents:read"),
    Verb.REGULATORY_RECORD: Rule(RESPONDERS, "incidents:write"),
    Verb.REGULATORY_WRITE: Rule(MANAGERS, "incidents:write"),
    Verb.REGULATORY_DRAFT_READ: Rule(RESPONDERS, "incidents:read"),
    Verb.REGULATORY_DRAFT_WRITE: Rule(RESPONDERS, "incidents:write"),
    Verb.STATUS_PAGE_READ: Rule(EVERYONE, "incidents:read"),
    Verb.STATUS_PAGE_PUBLISH: Rule(RESPONDERS, "incidents:write"),
    Verb.STATUS_PAGE_WRITE: Rule(MANAGERS, "incidents:write"),
    Verb.AUDIENCE_READ: Rule(EVERYONE, "incidents:read"),
    Verb.AUDIENCE_SEND: Rule(RESPONDERS, "incidents:write"),
    Verb.AUDIENCE_WRITE: Rule(MANAGERS, "incidents:write"),
    Verb.CUSTOMER_READ: Rule(RESPONDERS, "incidents:read"),
    Verb.CUSTOMER_WRITE: Rule(MANAGERS, "incidents:write"),
    Verb.SUBSCRIBER_READ: Rule(MANAGERS, "incidents:read"),
    Verb.SUBSCRIBER_WRITE: Rule(MANAGERS, "incidents:write"),
    Verb.STATUS_COPY_READ: Rule(RESPONDERS, "incidents:read"),
    Verb.STATUS_COPY_WRITE: Rule(MANAGERS, "incidents:write"),
    Verb.CHAT_READ: Rule(RESPONDERS, "incidents:read"),
    Verb.CHAT_WRITE: Rule(ADMINS, "admin"),
    Verb.ACTION_ITEM_READ: Rule(EVERYONE, "incidents:read"),
    Verb.ACTION_ITEM_WRITE: Rule(RESPONDERS, "incidents:write"),
    Verb.NEAR_MISS_REPORT: Rule(EVERYONE, "incidents:declare"),
    Verb.TRACKER_READ: Rule(RESPONDERS, "incidents:read"),
    Verb.TRACKER_WRITE: Rule(MANAGERS, "incidents:write"),
    Verb.WEBHOOK_READ: Rule(MANAGERS, "incidents:read"),
    Verb.WEBHOOK_WRITE: Rule(ADMINS, "admin"),
    Verb.METRICS_READ: Rule(EVERYONE, "incidents:read"),
    Verb.METRICS_REBUILD: Rule(ADMINS, "admin"),
    Verb.ALERT_AUDIT_READ: Rule(EVERYONE, "incidents:read"),
    Verb.ALERT_AUDIT_WRITE: Rule(RESPONDERS, "incidents:write"),
    Verb.ALERT_AUDIT_SIGN: Rule(MANAGERS, "incidents:write"),
    Verb.ANOMALY_READ: Rule(EVERYONE, "incidents:read"),
    Verb.ANOMALY_WRITE: Rule(RESPONDERS, "oncall:write"),
    Verb.COST_READ: Rule(MANAGERS, "incidents:read"),
    Verb.COST_RATE_WRITE: Rule(MANAGERS, "incidents:write"),
    Verb.BUSINESS_IMPACT_WRITE: Rule(MANAGERS, "incidents:write"),
    Verb.DIGEST_READ: Rule(EVERYONE, "incidents:read"),
    Verb.DIGEST_SUBSCRIBE: Rule(EVERYONE, "incidents:read"),
    Verb.TEAM_DIGEST_WRITE: Rule(MANAGERS, "incidents:write"),
    Verb.POSTMORTEM_READ: Rule(EVERYONE, "incidents:read"),
    Verb.POSTMORTEM_WRITE: Rule(RESPONDERS, "incidents:write"),
    Verb.POSTMORTEM_PUBLISH: Rule(RESPONDERS, "incidents:write"),
    Verb.POSTMORTEM_RATE: Rule(EVERYONE, "incidents:declare"),
    Verb.RUNBOOK_READ: Rule(EVERYONE, "incidents:read"),
    Verb.RUNBOOK_WRITE: Rule(RESPONDERS, "incidents:write"),
    Verb.RUNBOOK_SOURCE_WRITE: Rule(MANAGERS, "incidents:write"),
    Verb.RUNBOOK_RUN: Rule(RESPONDERS, "incidents:write"),
    Verb.DRILL_READ: Rule(EVERYONE, "incidents:read"),
    Verb.DRILL_JOIN: Rule(EVERYONE, "incidents:declare"),
    Verb.DRILL_RUN: Rule(RESPONDERS, "incidents:write"),
    Verb.DRILL_LEAD: Rule(MANAGERS, "incidents:write"),
    Verb.READINESS_READ: Rule(EVERYONE, "incidents:read"),
    Verb.READINESS_WAIVE: Rule(MANAGERS, "incidents:write"),
    Verb.READINESS_SIGN: Rule(RESPONDERS, "incidents:write"),
    Verb.HANDBOOK_READ: Rule(EVERYONE),
    Verb.TEMPLATE_READ: Rule(EVERYONE, "incidents:read"),
    Verb.TEMPLATE_WRITE: Rule(MANAGERS, "incidents:write"),
    Verb.PERSON_READ: Rule(EVERYONE, "oncall:read"),
    Verb.PERSON_WRITE: Rule(ADMINS, "admin"),
    Verb.TEAM_WRITE: Rule(ADMINS, "admin"),
    Verb.FALLBACK_WRITE: Rule(ADMINS, "admin"),
    Verb.AUDIT_READ: Rule(ADMINS, "admin"),
    Verb.PHONE_USAGE_READ: Rule(MANAGERS, "oncall:read"),
    Verb.PHONE_USAGE_WRITE: Rule(ADMINS, "admin"),
    Verb.SELF_WATCH_READ: Rule(MANAGERS, "oncall:read"),
    Verb.SELF_WATCH_WRITE: Rule(ADMINS, "admin"),
    Verb.OWN_PROFILE_READ: Rule(EVERYONE),
    Verb.OWN_PROFILE_WRITE: Rule(EVERYONE, by_key=False),
    Verb.CONTACT_METHOD_READ: Rule(EVERYONE, "oncall:read"),
    Verb.CONTACT_METHOD_WRITE: Rule(EVERYONE, "oncall:write"),
    Verb.API_KEY_READ: Rule(EVERYONE),
    Verb.API_KEY_CREATE: Rule(EVERYONE, by_key=False),
    Verb.API_KEY_REVOKE: Rule(EVERYONE),
    Verb.SESSION_READ: Rule(EVERYONE, "oncall:read"),
    Verb.SESSION_END: Rule(EVERYONE, "oncall:write"),
    Verb.ACCESS_REVOKE: Rule(EVERYONE),
    Verb.ACTION_UNDO: Rule(EVERYONE),
    Verb.SEARCH_READ: Rule(EVERYONE),
}


def refusal(rights: Rights, verb: Verb) -> Forbidden | None:
    """Return why these rights do not include the verb; None if they do."""
    rule = RULES[verb]
    if rights.key_scopes is not None and not rule.by_key:
        return Forbidden("An API key cannot do this.", hint="Sign in with your password and do it there.")
    if rights.key_scopes is not None and rule.scope and rule.scope not in rights.scopes:
        return Forbidden(
            f"The scope {rule.scope} is missing.",
            hint="Create a key that has it in Settings; a key never has more than the role of its owner.",
        )
    if rights.role not in rule.roles:
        roles = " and ".join(f"{role}s" for role in reversed(Role) if role in rule.roles)
        return Forbidden(
            f"Only {roles} can do this.",
            hint="Ask an admin of your organization to change your role.",
        )
    return None


def allows(rights: Rights, verb: Verb | str) -> bool:
    """Return True if these rights include the verb; raise `ValueError` for a verb that does not exist."""
    return refusal(rights, Verb(verb)) is None


def private_reader(rights: Rights, person_id: int) -> int | None:
    """Return to whose private incidents reads are restricted; None for managers, who read all."""
    return None if allows(rights, Verb.INCIDENT_READ_PRIVATE) else person_id


def check(rights: Rights, verb: Verb) -> None:
    """Raise `Forbidden` unless these rights include the verb."""
    if error := refusal(rights, verb):
        raise error


def check_party(rights: Rights, person_id: int, parties: Iterable[int | None]) -> None:
    """Raise `Forbidden` unless the person is a party to an agreement about shifts, or a manager."""
    if person_id not in set(parties) and not allows(rights, Verb.COLLEAGUE_SHIFT_WRITE):
        raise Forbidden("This belongs to someone else.", hint="Ask them, or a manager.")


def check_new_key(rights: Rights, scopes: Iterable[str]) -> None:
    """Raise `Forbidden` unless these rights can create a key with these scopes."""
    check(rights, Verb.API_KEY_CREATE)
    if missing := sorted(set(scopes) - rights.scopes):
        raise Forbidden(
            f"Your role does not include the scope {missing[0]}.",
            hint="Leave it out, or ask an admin of your organization to change your role.",
            fields={"scopes": f"{missing[0]} is not part of your role."},
        )
