"""`firebell postmortem timeline`: which entries the timeline of a post-mortem shows."""

import click

from firebell.commands.client import call, call_first, seg
from firebell.commands.output import as_json, example, short, show, show_table


@click.command(
    epilog=example(
        "firebell postmortem timeline INC-3 --only left_out",
        "firebell postmortem timeline INC-3 --hide t:412 --show c:5",
    )
)
@click.argument("ref")
@click.option("--show", "shown", multiple=True, metavar="KEY", help="Show this entry; repeatable.")
@click.option("--hide", "hidden", multiple=True, metavar="KEY", help="Leave this entry out; repeatable.")
@click.option("--reset", multiple=True, metavar="KEY", help="Leave this entry to the usual rule; repeatable.")
@click.option("--reset-all", is_flag=True, help="Leave all entries to the usual rule.")
@click.option("--only", type=click.Choice(["all", "shown", "left_out"]), default="all", show_default=True)
@click.option("--search", default="", metavar="WORDS", help="List entries with these words.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@as_json
def timeline(
    ref: str,
    shown: tuple[str, ...],
    hidden: tuple[str, ...],
    reset: tuple[str, ...],
    reset_all: bool,
    only: str,
    search: str,
    limit: int,
) -> None:
    """List what the timeline of a post-mortem can show, latest first, or choose what it shows.

    KEY is the first column of the list.
    """
    address = f"/api/v1/post-mortems/{seg(ref)}/timeline"
    if shown or hidden or reset or reset_all:
        new = {"show": shown, "hide": hidden, "reset": reset, "reset_all": reset_all}
        answer = call("PATCH", address, new)
        show(answer, f"The timeline shows {answer['shown']} of {answer['total']} entries.")
        return
    entries = call_first(address, limit, only=only, q=search)
    labels = {"rule": "", "shown": " (chosen)", "hidden": " (chosen)"}
    rows = [
        [
            entry["key"],
            short(entry["at"]),
            f"{'yes' if entry['is_shown'] else 'no'}{labels[entry['choice']]}",
            f"{entry['who']}: {entry['text']}" if entry["who"] else entry["text"],
        ]
        for entry in entries
    ]
    show_table(entries, ("KEY", "WHEN", "SHOWN", "WHAT"), rows, wide=3, empty="No entries.")
