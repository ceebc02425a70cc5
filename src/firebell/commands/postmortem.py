"""`firebell postmortem`: post-mortems at the terminal."""

import click

from firebell.commands.postmortem_author import assign
from firebell.commands.postmortem_lint import lint


@click.group()
def postmortem() -> None:
    """Assign authors of post-mortems, and find words of blame."""


for command in (assign, lint):
    postmortem.add_command(command)
