"""`firebell runbook run`: run a runbook's commands on this machine."""

import sys
from pathlib import Path

import click

from firebell.commands.output import as_json, example


@click.command(
    epilog=example(
        "firebell runbook run database-failover --incident INC-3",
        "firebell runbook run database-failover --var CLUSTER=orders --dry-run",
        "firebell runbook run --resume RUN-7",
        "firebell runbook run --file runbooks/warm-cache.md --yes --var REGION=eu",
    )
)
@click.argument("name", required=False)
@click.option("--file", "path", type=click.Path(path_type=Path), help="Run the text of a file.")
@click.option("--incident", metavar="INC", help="Record the run in this incident, and take values from it.")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="The value of a variable.")
@click.option("--from", "first", metavar="STEP", help="Skip the steps before this one, such as 4b.")
@click.option("--dry-run", is_flag=True, help="Show each step; run only prerequisites that are harmless.")
@click.option(
    "--resume",
    is_flag=False,
    flag_value="latest",
    metavar="[RUN]",
    help="Resume a run that was interrupted.",
)
@click.option("--anyway", is_flag=True, help="Resume although the runbook has changed.")
@click.option("--yes", "is_unattended", is_flag=True, help="Ask nothing; needs --sha256 or --file.")
@click.option("--sha256", metavar="HEX", help="Run only the text with this SHA-256.")
@click.option("--require-server", is_flag=True, help="Run nothing if the server is unreachable.")
@click.option(
    "--output/--no-output",
    "keeps_output",
    default=None,
    help="Whether output is recorded; by default it is not in a private incident.",
)
@as_json
def run(**options: object) -> int:
    """Run the commands of runbook NAME on this machine, step by step.

    Each command is shown before it runs, and only a code block marked run=auto runs without being asked for. What
    happens is kept in a journal on this machine and recorded on the server, even if it is unreachable at first.

    Exit codes: 0 succeeded, 1 failed or stopped, 2 wrong usage, 3 server unreachable, 4 needs a person,
    5 rolled back, 6 the rollback failed, 130 interrupted.
    """
    from firebell.commands.runbook_run_start import RunOptions, start

    typed: RunOptions = RunOptions(**options)  # type: ignore[arg-type]
    code = start(typed, is_terminal=sys.stdin.isatty())
    return int(code)
