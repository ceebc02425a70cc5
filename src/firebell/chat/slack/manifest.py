"""The manifest of the Slack app that each installation makes for itself (pure)."""

from typing import Any

from firebell.chat.slack.scopes import EVENTS, OPTIONAL, SCOPES

PATH = "/chat/slack"
_SHORTCUTS = (
    ("Declare an incident", "global", "fb_declare", "Anyone can declare an incident"),
    ("Add to timeline", "message", "fb_timeline", "Add this message to the incident timeline"),
    ("Create task", "message", "fb_task", "Create a task from this message"),
    ("Declare from message", "message", "fb_declare_from", "Declare an incident from this message"),
)


def manifest(
    base_url: str, *, socket: bool, incident_command: str = "/incident", page_command: str = "/page"
) -> dict[str, Any]:
    """Return the manifest; in Socket Mode it has no addresses, because Slack never connects to this server."""
    url = {} if socket else {"url": f"{base_url}{PATH}"}
    commands = [
        {"command": incident_command, **url, "description": "Declare and run incidents"},
        {"command": page_command, **url, "description": "Page people"},
    ]
    events: dict[str, Any] = {"bot_events": list(EVENTS)}
    interactivity: dict[str, Any] = {"is_enabled": True}
    oauth: dict[str, Any] = {"scopes": {"bot": list(SCOPES), "bot_optional": list(OPTIONAL)}}
    if not socket:
        events = {"request_url": f"{base_url}{PATH}", **events}
        interactivity |= {
            "request_url": f"{base_url}{PATH}",
            "message_menu_options_url": f"{base_url}{PATH}",
        }
        oauth = {"redirect_urls": [f"{base_url}{PATH}/installed"], **oauth}
    return {
        "display_information": {
            "name": "Firebell",
            "description": "Incidents and pages",
            "background_color": "#1c1a17",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "Firebell", "always_online": True},
            "shortcuts": [
                {"name": name, "type": kind, "callback_id": callback, "description": description}
                for name, kind, callback, description in _SHORTCUTS
            ],
            "slash_commands": [
                {**command, "usage_hint": "help", "should_escape": True} for command in commands
            ],
        },
        "oauth_config": oauth,
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket,
            "token_rotation_enabled": False,
        },
    }
