"""`firebell session`: list and end browser sessions."""

import click

from firebell.commands.client import call
from firebell.commands.ids import ID
from firebell.commands.output import as_json, example, short, show, table

_PATH = "/api/v1/me/sessions"


@click.group()
def session() -> None:
    """List and end your browser sessions."""


@session.command("list", epilog=example("firebell session list"))
@as_json
def list_sessions() -> None:
    """List the browsers where you are signed in."""
    sessions = call("GET", _PATH)
    rows = [[str(s["id"]), s["browser"], s["address"], short(s["last_used_at"])] for s in sessions]
    text = table(("ID", "BROWSER", "ADDRESS", "LAST USED"), rows, wide=1)
    show(sessions, text if rows else "You are not signed in anywhere.")


@session.command("end", epilog=example("firebell session end 3", "firebell session end --all"))
@click.argument("session_id", type=ID, required=False)
@click.option("--all", "everywhere", is_flag=True, help="Sign out everywhere.")
@as_json
def end(session_id: int | None, everywhere: bool) -> None:
    """Sign out of one browser, or of all of them."""
    if everywhere == (session_id is not None):
        raise click.UsageError("Pass either the id of a session or --all.")
    call("DELETE", _PATH if everywhere else f"{_PATH}/{session_id}")
    text = "You are signed out everywhere." if everywhere else f"Ended session {session_id}."
    show({"ended": session_id or "all"}, text)


@session.command("revoke-access", epilog=example("firebell session revoke-access"))
@as_json
def revoke_access() -> None:
    """Revoke your API keys, including the one in use, and calendar feeds."""
    call("DELETE", "/api/v1/me/access")
    text = "Revoked your API keys and calendar feeds. Sign in with a new key: firebell login URL"
    show({"revoked": True}, text)
