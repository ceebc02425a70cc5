"""Options that filter services, for the list, the map and the export."""

import click

from firebell.commands.output import USAGE, fail

UNHEALTHY = click.option("--unhealthy", is_flag=True, help="Only services with an open incident or page.")
NOT_READY = click.option(
    "--not-ready", is_flag=True, help="Only services without a policy or an integration."
)
TEAM = click.option("--team", help="Slug of the team that owns them.")
TIER = click.option("--tier", type=click.IntRange(1, 3), help="Only services of this tier.")
QUERY = click.option(
    "--query", help="Matchers of labels such as 'region=\"eu\"', and words of the name or description."
)


def chosen_state(**is_used: bool) -> str | None:
    """Return the state of the option that is used, or None; end the command if several are used."""
    options = {name.replace("_", "-"): used for name, used in is_used.items()}
    if sum(options.values()) > 1:
        *first, last = (f"--{name}" for name in options)
        fail(f"{', '.join(first)} and {last} exclude each other.", "Use one of them.", USAGE)
    return next((name for name, used in options.items() if used), None)
