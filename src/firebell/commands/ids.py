"""The id of a thing as a parameter of a command."""

import click

from firebell.kit.text import MAX_ID

ID = click.IntRange(1, MAX_ID)
