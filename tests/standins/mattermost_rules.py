"""What a Mattermost server refuses, from the validation of `server/public/model` of mattermost/mattermost.

Lengths of dialogs are measured in bytes. The route of a pressed button takes only letters and digits in its id.
"""

import re
from typing import Any

_ACTION_ID = re.compile(r"[A-Za-z0-9]+")
_STYLES = {"", "default", "primary", "success", "good", "warning", "danger"}
_ELEMENTS = {"text", "textarea", "select", "bool", "radio"}
_DEFAULT_MAX = {"text": 150, "textarea": 3000, "select": 3000}


def of_post(body: dict[str, Any]) -> str:
    """Return why the attachments of a post are refused, empty if they are fine."""
    for attachment in body.get("props", {}).get("attachments", []):
        ids = [action.get("id", "") for action in attachment["actions"]]
        if len(set(ids)) != len(ids):
            return "doubled action id"
        for action in attachment["actions"]:
            if wrong := _action(action):
                return wrong
    return ""


def _action(action: dict[str, Any]) -> str:
    if not _ACTION_ID.fullmatch(action["id"]):
        return "action id"
    if not action.get("name"):
        return "action name"
    if action.get("style", "") not in _STYLES:
        return "action style"
    if not action.get("integration", {}).get("url", "").startswith("http"):
        return "action integration url"
    if action["type"] == "button":
        return "button with options" if action.get("options") else ""
    if action["type"] != "select" or not action.get("options"):
        return "action type"
    return "" if all(each["text"] and each["value"] for each in action["options"]) else "empty option"


def of_command(body: dict[str, Any]) -> str:
    """Return why a slash command is refused, empty if it is fine."""
    trigger = body.get("trigger", "")
    if not 1 <= len(trigger) <= 128 or trigger.startswith("/") or " " in trigger:
        return "command trigger"
    if body.get("method") not in ("P", "G"):
        return "command method"
    return "" if body.get("url", "").startswith("http") else "command url"


def of_dialog(body: dict[str, Any]) -> str:
    """Return why a dialog is not opened, empty if it is fine."""
    dialog = body.get("dialog", {})
    if not body.get("trigger_id") or not body.get("url", "").startswith("http"):
        return "dialog trigger or url"
    if not 1 <= len(dialog.get("title", "").encode()) <= 24:
        return "dialog title"
    names = [element["name"] for element in dialog["elements"]]
    if len(set(names)) != len(names):
        return "doubled element"
    return next((wrong for element in dialog["elements"] if (wrong := _element(element))), "")


def _element(element: dict[str, Any]) -> str:
    kind, name = element["type"], element["name"]
    if kind not in _ELEMENTS:
        return f"type of {name}"
    if not 1 <= len(element["display_name"].encode()) <= 24 or not 1 <= len(name.encode()) <= 300:
        return f"name of {name}"
    if len(element.get("help_text", "").encode()) > 150 or element.get("min_length", 0) > element.get(
        "max_length", 0
    ):
        return f"help or length of {name}"
    default = element.get("default", "")
    if len(default.encode()) > _DEFAULT_MAX.get(kind, 3000):
        return f"default of {name}"
    has_options = kind in ("select", "radio") and not element.get("data_source")
    values = {option["value"] for option in element.get("options", [])}
    return f"default of {name} is no option" if has_options and default and default not in values else ""
