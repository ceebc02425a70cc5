"""`firebell undo`: undo what you just removed."""

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, show


@click.command(epilog=example("firebell undo"))
@click.argument("token", default="latest")
@as_json
def undo(token: str) -> None:
    """Undo what you removed, revoked, reset or published in the last 10 seconds.

    TOKEN is the `undo.token` that the action printed with --json; default: your latest action.
    """
    undone = call("POST", f"/api/v1/undo/{seg(token)}")
    show(undone, undone["detail"])
