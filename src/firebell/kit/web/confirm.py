"""How each form is confirmed: with a question, with undo, or by typing a name."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from firebell.kit.errors import Invalid


class Confirmation(StrEnum):
    """The confirmation required before a form takes effect."""

    NONE = "none"
    """It creates or changes what its form shows, or responds to a page; the next page confirms it."""
    UNDO = "undo"
    """It is done at once, and can be undone for 10 seconds."""
    ASK = "ask"
    """It reaches people or stops pages: the question in place names the consequence, with numbers."""
    TYPE_NAME = "type_name"
    """It is final: the person types the name of the thing."""


NONE, UNDO, ASK, TYPE_NAME = Confirmation

CONFIRMATIONS: Mapping[str, Confirmation] = {
    "/ack/{token}": NONE,
    "/clocks/contracts": NONE,
    "/clocks/contracts/{contract_id}/end": ASK,
    "/clocks/regimes": NONE,
    "/clocks/regimes/{regime_id}": NONE,
    "/escalation/new": NONE,
    "/escalation/{slug}/delete": ASK,
    "/escalation/{slug}/edit": NONE,
    "/handbook/templates/{template_id}": NONE,
    "/handbook/templates/{template_id}/reset": UNDO,
    "/incidents/new": NONE,
    "/incidents/{ref}/clocks/facts": NONE,
    "/incidents/report": NONE,
    "/incidents/{ref}/close": ASK,
    "/incidents/{ref}/close yes": NONE,
    "/incidents/{ref}/declare": NONE,
    "/incidents/{ref}/details/fields": NONE,
    "/incidents/{ref}/details/links": NONE,
    "/incidents/{ref}/details/merge": NONE,
    "/incidents/{ref}/details/type": NONE,
    "/incidents/past": NONE,
    "/incidents/{ref}/close/baseline": NONE,
    "/incidents/{ref}/close/reports": NONE,
    "/incidents/{ref}/close/reports/answer": NONE,
    "/incidents/{ref}/{what}": NONE,
    "/incidents/{ref}/phase closed": ASK,
    "/login": NONE,
    "/logout": NONE,
    "/oncall/calendars/{import_id}/fetch": NONE,
    "/oncall/calendars/{import_id}/place": NONE,
    "/oncall/calendars/{import_id}/remove": ASK,
    "/oncall/covers": NONE,
    "/oncall/covers/{cover_id}/{verb}": NONE,
    "/oncall/covers/{cover_id}/back": ASK,
    "/oncall/handoffs/notice": NONE,
    "/oncall/handoffs/{slug}/{day}": NONE,
    "/oncall/handoffs/{slug}/{day}/ack": NONE,
    "/oncall/new": NONE,
    "/oncall/new/layers": NONE,
    "/oncall/pay/rates": NONE,
    "/oncall/swaps": NONE,
    "/oncall/swaps/{swap_id}/{verb}": NONE,
    "/oncall/vacations": NONE,
    "/oncall/vacations/{vacation_id}/cancel": ASK,
    "/oncall/{slug}/calendars": NONE,
    "/oncall/{slug}/delete": TYPE_NAME,
    "/oncall/{slug}/edit": NONE,
    "/oncall/{slug}/edits/{edit_id}/remove": UNDO,
    "/oncall/{slug}/fix": NONE,
    "/oncall/{slug}/override": NONE,
    "/oncall/{slug}/rotation": NONE,
    "/oncall/{slug}/shadows": NONE,
    "/oncall/{slug}/shadows/{shadow_id}/end": UNDO,
    "/pages/bulk": NONE,
    "/pages/{ref}/{what}": NONE,
    "/post-mortems/{ref}": NONE,
    "/post-mortems/{ref}/publish": ASK,
    "/post-mortems/{ref}/start": NONE,
    "/runbooks": NONE,
    "/runbooks/{slug}": NONE,
    "/runbooks/{slug}/remove": UNDO,
    "/runbooks/{slug}/restore": UNDO,
    "/services": NONE,
    "/services/{slug}/integrations": NONE,
    "/services/{slug}/integrations/{integration_id}/reveal": NONE,
    "/services/{slug}/integrations/{integration_id}/revoke": ASK,
    "/services/{slug}/policy": UNDO,
    "/settings": NONE,
    "/settings/access/revoke": ASK,
    "/settings/calendars/busy": NONE,
    "/settings/calendars/feeds": NONE,
    "/settings/calendars/feeds/{feed_id}/revoke": UNDO,
    "/settings/calendars/{import_id}/fetch": NONE,
    "/settings/calendars/{import_id}/remove": ASK,
    "/settings/catch-all": UNDO,
    "/settings/contact": NONE,
    "/settings/contact/{method_id}/remove": ASK,
    "/settings/contact/{method_id}/secret": ASK,
    "/settings/contact/{method_id}/test": NONE,
    "/settings/contact/{method_id}/verification": NONE,
    "/settings/contact/{method_id}/verify": NONE,
    "/settings/keys": NONE,
    "/settings/keys/{key_id}/revoke": UNDO,
    "/settings/password": NONE,
    "/settings/people": NONE,
    "/settings/people/{person_id}": NONE,
    "/settings/people/{person_id} no": ASK,
    "/settings/people/{person_id}/link": NONE,
    "/settings/quiet-hours": NONE,
    "/settings/rules/{urgency}": NONE,
    "/settings/sessions/end-others": ASK,
    "/settings/sessions/{session_id}/end": ASK,
    "/settings/teams": NONE,
    "/settings/teams/{slug}": UNDO,
    "/settings/incident-fields": NONE,
    "/settings/incident-fields/{slug}/remove": ASK,
    "/settings/declaration-rules": NONE,
    "/settings/declaration-rules/{rule_id}": NONE,
    "/settings/declaration-rules/{rule_id}/remove": ASK,
    "/setup": NONE,
    "/theme": NONE,
    "/undo": NONE,
    "/welcome/{token}": NONE,
}
"""The confirmation of each POST route of the web; a second key is a route with the field that makes it far-reaching."""


def check_name(form: Mapping[str, Any], name: str) -> None:
    """Raise `Invalid` unless the form's field `confirm` repeats the name of what is deleted for good."""
    if " ".join(str(form.get("confirm", "")).split()) != " ".join(name.split()):
        raise Invalid(f"Type the name to delete it: {name}.", fields={"confirm": f"Type {name}."})
