"""The table of rights, written a second time and compared."""

import pytest

from firebell.kit.errors import Forbidden
from firebell.people import permissions
from firebell.people.model import SCOPES, Role
from firebell.people.permissions import ROLE_SCOPES, Rights, Verb

EVERYONE = {
    "pages:read": "alert.read silence.read service.read page.read routing.read",
    "oncall:read": "policy.read schedule.read own_calendar.read handoff.read workload.read person.read"
    " contact_method.read session.read heartbeat.read",
    "oncall:write": "own_calendar.write contact_method.write session.end",
    "incidents:read": "incident.read response.read regulatory.read postmortem.read action_item.read runbook.read"
    " template.read status_page.read audience.read metrics.read drill.read readiness.read"
    " digest.read digest.subscribe alert_audit.read anomaly.read",
    "incidents:declare": "incident.declare near_miss.report drill.join postmortem.rate",
    "incidents:write": "saved_view.write",
    "": "handbook.read own_profile.read own_profile.write api_key.read api_key.create api_key.revoke"
    " access.revoke action.undo search.read saved_view.read",
}
RESPONDERS = {
    "alerts:write": "alert.send",
    "pages:write": "page.respond page.start silence.write",
    "oncall:write": "service.write integration.read integration.create integration.reveal integration.revoke"
    " policy.write schedule.write override.write shift.trade time_off.write calendar.write handoff.write"
    " anomaly.write heartbeat.write inhibition.write",
    "incidents:read": "chat.read status_copy.read customer.read regulatory_draft.read tracker.read",
    "incidents:write": "incident.update regulatory.record action_item.write postmortem.write postmortem.publish"
    " runbook.write runbook.run status_page.publish audience.send regulatory_draft.write drill.run"
    " alert_audit.write readiness.sign",
}
MANAGERS = {
    "oncall:read": "pay.read phone_usage.read self_watch.read",
    "oncall:write": "colleague_shift.write handoff_notice.write pay_rates.write routing.write",
    "incidents:read": "incident.read_private subscriber.read cost.read webhook.read",
    "incidents:write": "response.write regulatory.write template.write incident_settings.write"
    " status_page.write status_copy.write subscriber.write audience.write customer.write"
    " runbook_source.write tracker.write cost_rate.write business_impact.write drill.lead readiness.waive"
    " team_digest.write alert_audit.sign",
}
ADMINS = {
    "admin": "person.write team.write fallback_responders.write audit.read chat.write metrics.rebuild webhook.write"
    " self_watch.write phone_usage.write"
}
NOT_BY_KEY = {Verb.OWN_PROFILE_WRITE, Verb.API_KEY_CREATE}
FROM = {Role.VIEWER: 0, Role.RESPONDER: 1, Role.MANAGER: 2, Role.ADMIN: 3}
EXPECTED = {
    Verb(verb): (least, scope)
    for least, table in enumerate((EVERYONE, RESPONDERS, MANAGERS, ADMINS))
    for scope, verbs in table.items()
    for verb in verbs.split()
}


def test_each_verb_has_one_rule() -> None:
    assert set(EXPECTED) == set(Verb) == set(permissions.RULES)


@pytest.mark.parametrize("role", list(Role))
def test_a_browser_session_has_the_rights_of_its_role(role: Role) -> None:
    for verb, (least, _) in EXPECTED.items():
        assert permissions.allows(Rights(role), verb) is (FROM[role] >= least), verb


@pytest.mark.parametrize("role", list(Role))
def test_a_key_has_no_more_rights_than_its_scopes_and_its_owners_role(role: Role) -> None:
    for held in [frozenset(), *(frozenset({s}) for s in SCOPES), frozenset(SCOPES)]:
        rights = Rights(role, held)
        for verb, (least, scope) in EXPECTED.items():
            open_to_role = FROM[role] >= least and verb not in NOT_BY_KEY
            in_force = held | ({"incidents:declare"} if "incidents:write" in held else set())
            has_scope = not scope or (scope in in_force and scope in ROLE_SCOPES[role])
            assert permissions.allows(rights, verb) is (open_to_role and has_scope), (verb, held)


def test_an_unknown_verb_is_an_error_and_not_a_refusal() -> None:
    with pytest.raises(ValueError, match=r"page\.fly"):
        permissions.allows(Rights(Role.ADMIN), "page.fly")


@pytest.mark.parametrize("role", list(Role))
def test_no_key_is_created_with_a_scope_beyond_the_role(role: Role) -> None:
    permissions.check_new_key(Rights(role), ROLE_SCOPES[role])
    for scope in set(SCOPES) - ROLE_SCOPES[role]:
        with pytest.raises(Forbidden):
            permissions.check_new_key(Rights(role), [scope])
    with pytest.raises(Forbidden):
        permissions.check_new_key(Rights(role, frozenset(SCOPES)), ["pages:read"])
