"""`firebell postmortem`: post-mortems at the terminal."""

import click

from firebell.commands.postmortem_lint import lint


@click.group()
def postmortem() -> None:
    """Find words of blame in post-mortems."""


postmortem.add_command(lint)
