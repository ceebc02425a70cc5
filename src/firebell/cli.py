"""The `firebell` command. Subcommands are imported only when they run, so that it starts fast."""

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from firebell import __version__
from firebell.kit.slice import Command, Slice, unique
from firebell.slices import SLICES

_OUTPUT_ERRORS = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT)
"""Errors raised when standard output is closed or its disk is full."""


def commands(slices: Sequence[Slice] = SLICES) -> dict[str, Command]:
    """Return the commands of all slices by name, in the order of the help text.

    Raises DeclarationError if two slices claim one name.
    """
    declared = unique("command", ((each.name, c.name, c) for each in slices for c in each.commands))
    return dict(sorted(declared.items(), key=lambda item: item[1].rank))


class LazyGroup(click.Group):
    """A group that imports a command only when it runs."""

    def __init__(self, *args: Any, slices: Sequence[Slice] = SLICES, **attrs: Any) -> None:
        super().__init__(*args, **attrs)
        self.declared = commands(slices)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.declared)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.declared:
            return None
        command = getattr(import_module(self.declared[cmd_name].module), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a command; an unknown one fails with the closest match."""
        name = args[0]
        if name not in self.declared and not name.startswith("-"):
            from difflib import get_close_matches

            matches = get_close_matches(name, self.declared, 1)
            hint = f"Did you mean {matches[0]!r}?" if matches else "See 'firebell --help'."
            ctx.fail(f"No such command {name!r}. {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(command.name, command.help) for command in self.declared.values()])

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
            _exit_failed("stopped", "Stopped. Nothing more was done.", as_json="--json" in argv)
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
    """Replace standard streams that were closed before startup with the null device."""
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
    """Exit with code 2 because of invalid arguments."""
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
