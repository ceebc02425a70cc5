"""A handler gets its transaction, actor and instant from `people.unit_of_work`; exceptions have a reason here."""

import ast
from functools import cache

from tests.house.source import SRC, dotted, modules

Function = ast.FunctionDef | ast.AsyncFunctionDef

MARKDOWN = "Markdown is rendered or read in another process, which can take seconds."
PASSWORD = "A password is hashed, which takes longer than a transaction should stay open."
COUNTED = "A wrong or refused code is counted, and that is committed before the refusal is shown."
ADDRESS = "An address is checked in another process, which can take seconds."
HOST = "A host shows the token of its claim, which can take seconds."
RULE_FILES = "Rule files are read in another process, which can take seconds."
DOWNLOAD = "A client that reads slowly holds no transaction open."
NO_ONE = "No one is signed in, so there is no actor to inject."

BY_HAND = {
    "action_items/trackers/authorization_web.py finish": "A tracker is asked for tokens, which can take seconds.",
    "action_items/trackers/hook_web.py _receive": NO_ONE,
    "action_items/trackers/connection_test_web.py _page": "A tracker is called, which can take seconds.",
    "alert_audit/api.py _contents": RULE_FILES,
    "alert_audit/web.py download_patch": RULE_FILES,
    "alerts/api.py send_alert": "The group commit that it waits for stores the alert in a transaction of its own.",
    "chat/web.py connect": "A chat is asked who Firebell is there, which can take seconds.",
    "chat/slack/settings_web.py finish_install": "Slack is asked for the token, which can take seconds.",
    "chat/slack/settings_web.py send_test": "A message is sent to Slack, which can take seconds.",
    "chat/slack/test_message_api.py send_test_message": "A message is sent to Slack, which can take seconds.",
    "dashboard/web.py home": "Whether anyone must sign in is read from the database first.",
    "digests/unsubscribe_web.py _page": NO_ONE,
    "handbook/api.py apply_templates": MARKDOWN,
    "handbook/template_web.py one": MARKDOWN,
    "handbook/template_web.py save": MARKDOWN,
    "handoffs/web.py _document": MARKDOWN,
    "handoffs/web.py save": MARKDOWN,
    "alerts/silences/web.py _rows": DOWNLOAD,
    "incidents/incident_list/export_web.py export": DOWNLOAD,
    "incidents/incident_list/export_web.py _rows": DOWNLOAD,
    "incidents/web.py room": "Its live parts are rendered once for all readers, without a transaction for each.",
    "oncall/calendars/web.py feed": NO_ONE,
    "paging/web.py _by_link": NO_ONE,
    "paging/web.py ack_by_link": NO_ONE,
    "people/api.py add_contact_method": ADDRESS,
    "people/api.py create_person": PASSWORD,
    "people/contact_methods/web.py add_contact": ADDRESS,
    "people/verification/api.py enter_verification_code": COUNTED,
    "people/verification/web.py _verify": COUNTED,
    "people/verification/web.py send_code": COUNTED,
    "people/verification/web.py verify": COUNTED,
    "people/sign_in/web.py _welcome": NO_ONE,
    "people/sign_in/web.py login_form": NO_ONE,
    "people/profile_web.py save_password": PASSWORD,
    "people/sign_in/web.py welcome": NO_ONE,
    "postmortems/blameless/api.py lint_text": "A text is examined in another process, which takes a while.",
    "postmortems/editing/api.py check_wording": "A text is examined in another process, which takes a while.",
    "postmortems/editing/api.py get_postmortem_overview": "A text is examined in another process, which takes a while.",
    "postmortems/editing/api.py preview_text": MARKDOWN,
    "postmortems/editing/web.py _desk": MARKDOWN,
    "postmortems/editing/web.py add_action": MARKDOWN,
    "postmortems/editing/web.py save_section": MARKDOWN,
    "postmortems/export/api.py _file": MARKDOWN,
    "postmortems/web.py _document": MARKDOWN,
    "postmortems/web.py save": MARKDOWN,
    "runbooks/api.py save_runbook": MARKDOWN,
    "runbooks/runs/api.py create_run": MARKDOWN,
    "runbooks/runs/web.py _apply": MARKDOWN,
    "runbooks/runs/web.py _show": MARKDOWN,
    "self_watch/fallback_test_web.py _by_link": NO_ONE,
    "runbooks/runs/web.py start": MARKDOWN,
    "runbooks/sources/api.py push_runbooks": MARKDOWN,
    "runbooks/sources/webhook.py notified": NO_ONE,
    "runbooks/web.py _editor": MARKDOWN,
    "runbooks/web.py _save": MARKDOWN,
    "runbooks/web.py runbook": MARKDOWN,
    "status_pages/hosting/api.py change_access": PASSWORD,
    "status_pages/hosting/api.py prove_status_page_host": HOST,
    "status_pages/hosting/web.py change_access": PASSWORD,
    "status_pages/hosting/web.py prove_host": HOST,
    "status_pages/hosting/web.py tls_ask": NO_ONE,
    "setup/web.py setup": NO_ONE,
    "setup/web.py setup_form": NO_ONE,
    "subscribers/subscribing/public_web.py page_for_anyone": NO_ONE,
    "subscribers/subscribing/confirmation_code_web.py _confirm": NO_ONE,
    "subscribers/sms_events/callback_web.py receive": NO_ONE,
    "subscribers/subscribing/public_web.py _subscribe_form": NO_ONE,
    "subscribers/subscribing/public_web.py show_link": NO_ONE,
    "subscribers/subscribing/public_web.py _subscribe": NO_ONE,
    "subscribers/mail_events/hook_web.py receive": NO_ONE,
    "subscribers/subscribing/public_web.py use_link": NO_ONE,
    "subscribers/web.py export": DOWNLOAD,
    "subscribers/web.py _rows": DOWNLOAD,
}
"""Functions at the edge that open their transactions themselves, and why."""
OPENING = (".db.tx", ".db.reads", "transaction.opened")
"""How the names end of what opens a transaction; `visiting` does too."""


@cache
def _edge() -> list[tuple[str, Function]]:
    """Return the functions of every module that has routes, with their names."""
    return [
        (f"{path.relative_to(SRC)} {node.name}", node)
        for path, tree in modules()
        if "kit" not in path.parts and _has_routes(path.read_text(encoding="utf-8"))
        for node in tree.body
        if isinstance(node, Function)
    ]


def _has_routes(source: str) -> bool:
    return "router.get(" in source or "router.post(" in source


@cache
def _attributes(node: ast.AST) -> set[str]:
    """Return the dotted names that a function reads, such as `ctx.db.tx`."""
    return {dotted(part) for part in ast.walk(node) if isinstance(part, ast.Attribute)}


def _opens(function: Function) -> bool:
    is_visiting = any(isinstance(part, ast.Name) and part.id == "visiting" for part in ast.walk(function))
    return is_visiting or any(name.endswith(OPENING) for name in _attributes(function))


def _injected(function: Function) -> bool:
    return any(arg.arg in ("w", "visit") for arg in function.args.args)


def test_only_listed_handlers_open_a_transaction_by_hand() -> None:
    assert {name for name, function in _edge() if _opens(function)} == set(BY_HAND)


def test_a_handler_with_a_unit_of_work_takes_nothing_from_beside_it() -> None:
    """Another connection could be waited for forever, and another instant would differ."""
    beside = (
        "authentication.signed_in",
        "access.form",
        "authentication.actor_of",
        ".clock.now",
        *OPENING,
    )
    wrong = [
        f"{name}: {attribute}"
        for name, function in _edge()
        if _injected(function)
        for attribute in _attributes(function)
        if attribute.endswith(beside)
    ]
    assert wrong == []


def test_an_action_whose_refusal_is_shown_runs_in_a_savepoint() -> None:
    """The page that shows a refused form is a success of the transaction: what the action wrote must be undone."""
    wrong = [
        name
        for name, function in _edge()
        if _injected(function)
        for part in ast.walk(function)
        if isinstance(part, ast.Try)
        for body in [ast.unparse(ast.Module(part.body, []))]
        if "visit.actor" in body and "savepoint()" not in body
    ]
    assert wrong == []
