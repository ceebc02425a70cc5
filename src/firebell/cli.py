"""The `firebell` command: subcommands are imported only when they run, so that it starts at once."""

from importlib import import_module

import click

from firebell import __version__

COMMANDS = {
    "serve": "firebell.commands.serve",
    "work": "firebell.commands.serve",
    "migrate": "firebell.commands.serve",
    "doctor": "firebell.commands.doctor",
    "demo": "firebell.commands.demo",
    "classify": "firebell.commands.classify",
    "login": "firebell.commands.login",
    "alert": "firebell.commands.alert",
    "page": "firebell.commands.page",
    "declare": "firebell.commands.incident",
    "incident": "firebell.commands.incident",
    "oncall": "firebell.commands.oncall",
}
HELP = {
    "serve": "Run Firebell: web and worker in one process.",
    "work": "Run only the worker.",
    "migrate": "Bring the database to this version's schema.",
    "doctor": "Check that everything a page needs is in order.",
    "demo": "Run with a live demo organisation.",
    "classify": "Find the severity, offline.",
    "login": "Remember a server and a key.",
    "alert": "Send alerts.",
    "page": "List, take and resolve pages.",
    "declare": "Declare an incident.",
    "incident": "Work on incidents.",
    "oncall": "Who is on call.",
}


class Lazy(click.Group):
    """Knows its commands by name and loads one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(HELP.items()))


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="firebell")
def main() -> None:
    """Firebell: alerts, on-call, pages, incidents and post-mortems."""
