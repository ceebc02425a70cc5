"""Creates the slash commands of Firebell in a team of Mattermost, as its bot."""

from typing import Any

import httpx

from firebell.chat.adapter_base.adapter import CallFailed, Trouble
from firebell.chat.adapter_base.http_calls import call

COMMANDS = {
    "/incident": ("Declare and run incidents", "[help]"),
    "/page": ("Page people", "[help]"),
}
_DUPLICATE = "api.command.duplicate_trigger.app_error"


async def ensure(
    http: httpx.AsyncClient, base: str, token: str, team_id: str, bot_user: str, public_url: str
) -> tuple[str, ...]:
    """Return the tokens of the commands, which are created or pointed to this installation if they are not yet.

    Return fewer if the bot may not manage commands, or if someone else owns their names; raise `CallFailed` without
    an answer.
    """
    url = f"{public_url}/chat/mattermost/command"
    try:
        listed = await call(http, "GET", f"{base}/commands?team_id={team_id}&custom_only=true", token=token)
    except CallFailed as failure:
        return _without_permission(failure)
    ours = {
        f"/{each.get('trigger')}": each
        for each in listed.get("list", [])
        if isinstance(each, dict) and each.get("creator_id") == bot_user
    }
    tokens = []
    for name in COMMANDS:
        try:
            tokens.append(await _ensure_one(http, base, token, team_id, name, url, ours.get(name)))
        except CallFailed as failure:
            if failure.code != _DUPLICATE:
                return _without_permission(failure)
    return tuple(each for each in tokens if each)


async def _ensure_one(
    http: httpx.AsyncClient,
    base: str,
    token: str,
    team_id: str,
    name: str,
    url: str,
    existing: dict[str, Any] | None,
) -> str:
    description, hint = COMMANDS[name]
    wanted = {
        "team_id": team_id,
        "trigger": name.removeprefix("/"),
        "method": "P",
        "url": url,
        "display_name": "Firebell",
        "description": description,
        "auto_complete": True,
        "auto_complete_desc": description,
        "auto_complete_hint": hint,
    }
    if existing is None:
        answer = await call(http, "POST", f"{base}/commands", wanted, token=token)
    elif existing.get("url") != url:
        path = f"{base}/commands/{existing['id']}"
        answer = await call(http, "PUT", path, {**existing, **wanted}, token=token)
    else:
        answer = existing
    return str(answer.get("token") or "")


def _without_permission(failure: CallFailed) -> tuple[str, ...]:
    """Return no token if commands are forbidden or turned off; raise the failure otherwise."""
    if failure.trouble in (Trouble.SKIPPED, Trouble.REFUSED, Trouble.CONTENT) or failure.code == (
        "api.command.disabled.app_error"
    ):
        return ()
    raise failure
