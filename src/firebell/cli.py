"""The `firebell` command. Subcommands are imported only when they run, so that it starts fast."""

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

import click

from firebell import __version__


class Entry(NamedTuple):
    """A command in `firebell --help`: the module in `firebell.commands` that defines it, and one line of help."""

    module: str
    help: str


COMMANDS = {
    "serve": Entry("serve", "Run Firebell: web and worker in one process."),
    "work": Entry("serve", "Run only the worker."),
    "migrate": Entry("serve", "Update the database to this version's schema."),
    "doctor": Entry("doctor", "Check that everything paging needs is working."),
    "demo": Entry("demo", "Run a live demo organization."),
    "classify": Entry("classify", "Find the severity of an incident, offline."),
    "login": Entry("login", "Sign in and save credentials."),
    "search": Entry("search", "Search people, services, incidents and more."),
    "alert": Entry("alert", "Send and list alerts."),
    "page": Entry("page", "List, acknowledge and resolve pages."),
    "declare": Entry("declare", "Declare an incident."),
    "incident": Entry("incident", "Run incidents: roles, updates, phases and post-mortems."),
    "oncall": Entry("oncall", "Show who is on call; manage schedules and overrides."),
    "policy": Entry("policy", "Show escalation policies and dry-run them."),
    "contact": Entry("contact", "Manage your contact methods."),
    "service": Entry("service", "Manage services and their integration keys."),
    "runbook": Entry("runbook", "Check runbooks offline and manage the library."),
    "template": Entry("template", "Manage message templates."),
    "handbook": Entry("handbook", "Read the incident management handbook, offline."),
    "session": Entry("session", "List and end your browser sessions."),
    "undo": Entry("undo", "Undo what you just removed."),
}

_OUTPUT_ERRORS = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT)
"""Errors of writing to standard output when its disk is full or it is closed."""


class LazyGroup(click.Group):
    """A group that imports a command when it is used, and none to list them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"firebell.commands.{COMMANDS[cmd_name].module}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a command; an unknown one fails with the closest match."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            matches = get_close_matches(name, COMMANDS, 1)
            hint = f"Did you mean {matches[0]!r}?" if matches else "See 'firebell --help'."
            ctx.fail(f"No such command {name!r}. {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and exit; errors go to standard error, with --json as JSON."""
        argv = list(sys.argv[1:] if args is None else args)
        if not standalone_mode:
            return super().main(argv, prog_name, complete_var, standalone_mode=False, **extra)
        _open_streams()
        try:
            code = super().main(argv, prog_name, complete_var, standalone_mode=False, **extra)
        except click.UsageError as error:
            _exit_misused(error, as_json="--json" in argv)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except click.Abort:
            _exit_failed("stopped", "Stopped: nothing more was done.", as_json="--json" in argv)
        except OSError as error:
            if error.errno not in _OUTPUT_ERRORS or error.filename is not None:
                raise
            # the rest of the buffer must not be written when the interpreter exits
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            _exit_failed(
                "unwritable", f"The output cannot be written: {error.strerror}.", as_json="--json" in argv
            )
        sys.exit(code if isinstance(code, int) else 0)


def _open_streams() -> None:
    """Replace standard streams that were closed before the start by the null device."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - for the whole run


def _exit_failed(kind: str, message: str, *, as_json: bool) -> NoReturn:
    """Exit with code 1 and a message on standard error."""
    if as_json:
        from json import dumps

        from firebell.commands.output import problem

        message = dumps(problem(kind, message))
    click.echo(message if as_json or kind == "stopped" else f"Error: {message}", err=True)
    sys.exit(1)


def _exit_misused(error: click.UsageError, *, as_json: bool) -> NoReturn:
    """Exit with code 2 after an error in the arguments."""
    if as_json:
        from firebell.commands.output import Misused, problem

        misused = Misused(problem("misused", error.format_message()))
        misused.as_json = True
        misused.show()
    else:
        error.show()
    sys.exit(error.exit_code)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 refused, 2 wrong usage, 3 the server cannot be reached.",
)
@click.version_option(__version__, prog_name="firebell")
def main() -> None:
    """Firebell: alerts, on-call, pages, incidents and post-mortems.

    Commands that talk to a server take its address and an API key from 'firebell login', or from
    FIREBELL_URL and FIREBELL_KEY.
    """
