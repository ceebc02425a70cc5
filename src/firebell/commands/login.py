"""`firebell login`: sign in to a server and save the credentials."""

import json
import os

import click

from firebell.commands.client import call_at, config_path
from firebell.commands.output import USAGE, as_json, example, fail, show
from firebell.kit.private_files import DIRECTORY_MODE, FILE_MODE, write_private


@click.command(epilog=example("firebell login https://firebell.example.org"))
@click.argument("url")
@click.option("--key", help="An API key; prompted for if missing. [env FIREBELL_KEY]")
@as_json
def login(url: str, key: str | None) -> None:
    """Sign in to the server at URL and save your API key.

    Create a key under Settings, API keys. It is saved in a file that only you can read.
    """
    entered = key or os.environ.get("FIREBELL_KEY") or click.prompt("API key", hide_input=True, err=True)
    url, secret = url.strip().rstrip("/"), entered.strip()
    me = call_at(url, secret, "GET", "/api/v1/me")
    path = config_path()
    # a JSON string is a TOML string
    text = f"url = {json.dumps(url)}\nkey = {json.dumps(secret)}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=DIRECTORY_MODE)
        if path.exists():
            path.chmod(FILE_MODE)
        write_private(path, text)
    except OSError as error:
        fail(
            f"{path} cannot be written: {error.strerror}", "Set FIREBELL_URL and FIREBELL_KEY instead.", USAGE
        )
    show(me, f"Signed in to {url} as {me['name']} ({', '.join(me['scopes'])}).")
