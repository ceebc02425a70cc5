"""`firebell login`: remember a server and a key."""

import json
import os

import click

from firebell.commands.client import call_at, config_path


@click.command()
@click.argument("url")
@click.option("--key", help="An API key; asked for when it is missing. [env FIREBELL_KEY]")
def login(url: str, key: str | None) -> None:
    """Check an API key against the server at URL and remember both.

    Make a key under Settings, API keys. It is kept in a file that only you can read.
    """
    secret = key or os.environ.get("FIREBELL_KEY") or click.prompt("API key", hide_input=True)
    me = call_at(url.rstrip("/"), secret.strip(), "GET", "/api/v1/me")
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # a JSON string is a TOML string
    text = f"url = {json.dumps(url.rstrip('/'))}\nkey = {json.dumps(secret.strip())}\n"
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")
    click.echo(f"Signed in to {url} as {me['name']}.")
