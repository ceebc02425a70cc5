"""Which texts a person trusts to be run on this machine, by their SHA-256."""

import difflib
import json
from pathlib import Path

from firebell.commands.runbook_run_screen import Screen
from firebell.commands.state_folder import state_folder
from firebell.kit.private_files import replace_file


def is_trusted(name: str, sha256: str, body: str, screen: Screen) -> bool:
    """Return True if the person trusts the text, asking on its first use; a changed one is shown as a diff.

    `name` says where the text comes from; the answer is kept in the state folder.
    """
    folder = state_folder("trusted")
    path = folder / "texts.json"
    trusted = _load(path)
    if sha256 in trusted.values() and (folder / f"{sha256}.md").exists():
        if trusted.get(name) != sha256:
            _keep(path, {**trusted, name: sha256})
        return True
    before = folder / f"{trusted.get(name, '')}.md"
    if name in trusted and before.exists():
        screen.say(f"{name} changed since you trusted it:", color="yellow")
        old = before.read_text(encoding="utf-8").splitlines()
        for line in difflib.unified_diff(old, body.splitlines(), "trusted", "new", lineterm=""):
            screen.say(line, color={"+": "green", "-": "red"}.get(line[:1]))
    else:
        screen.say(f"You have not run {name} on this machine before. Its commands run with your rights.")
        screen.say(f"sha256 {sha256}")
    options = {"y": "trust it", "v": "view the text", "n": "no"}
    while (key := screen.key("Trust this text?", options)) == "v":
        screen.say(body)
    if key == "y":
        replace_file(folder / f"{sha256}.md", body.encode())
        _keep(path, {**trusted, name: sha256})
    return key == "y"


def _load(path: Path) -> dict[str, str]:
    try:
        texts = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {str(name): str(sha) for name, sha in texts.items()} if isinstance(texts, dict) else {}


def _keep(path: Path, trusted: dict[str, str]) -> None:
    replace_file(path, json.dumps(trusted, indent=1, sort_keys=True).encode())
