"""`firebell postmortem`: read and write the post-mortem of an incident, section by section; its author and wording."""

from pathlib import Path
from typing import Any

import click

from firebell.commands import postmortem_publication
from firebell.commands.client import call, call_first, seg
from firebell.commands.output import (
    USAGE,
    CommandFailed,
    as_json,
    echo,
    example,
    fail,
    short,
    show,
    show_table,
)
from firebell.commands.postmortem_action import action
from firebell.commands.postmortem_assign import assign, rate
from firebell.commands.postmortem_lint import lint
from firebell.commands.postmortem_meeting import meeting
from firebell.commands.postmortem_search import due, search, similar
from firebell.commands.postmortem_timeline import timeline
from firebell.kit.private_files import write_private


@click.group()
def postmortem() -> None:
    """Read and write post-mortems."""


for _command in (
    *(action, assign, due, lint, meeting, rate, search, similar, timeline),
    *postmortem_publication.COMMANDS,
):
    postmortem.add_command(_command)


def _address(ref: str, below: str = "") -> str:
    return f"/api/v1/post-mortems/{seg(ref)}{below}"


@postmortem.command(
    "show", epilog=example("firebell postmortem show INC-3", "firebell postmortem show INC-3 --needs")
)
@click.argument("ref")
@click.option("--needs", is_flag=True, help="What the document still needs, instead of its text.")
@as_json
def show_(ref: str, needs: bool) -> None:
    """Print the post-mortem of incident REF as Markdown, with its live blocks filled."""
    overview = call("GET", _address(ref, "/overview"))
    if not needs:
        show(overview, overview["body"].rstrip("\n"))
        return
    lines = [f"Post-mortem of {overview['ref']}, version {overview['version']}"]
    for step in overview["steps"]:
        lines.append(
            f"  {'done' if step['is_done'] else 'open'}  {step['label']}, due {short(step['due_at'])}"
        )
        lines += [f"        {text}" for text in step["missing"]]
    lines += [f"  {check['level']}: {check['text']}" for check in overview["checks"] if check["level"]]
    show(overview, "\n".join(lines))


@postmortem.command("edit", epilog=example("firebell postmortem edit INC-3 impact"))
@click.argument("ref")
@click.argument("section")
def edit(ref: str, section: str) -> None:
    """Edit a section in your editor ($VISUAL or $EDITOR) and save it.

    What others saved meanwhile is merged. If you both changed the same lines, you get them between marks and edit
    again.
    """
    base = _section(ref, section)
    unchanged = base["text"]
    text = click.edit(unchanged, extension=".md")
    while text is not None and text.strip() != unchanged.strip():
        new = {"text": text, "base_version": base["version"], "base_hash": base["hash"]}
        try:
            saved = call("PATCH", _address(ref, f"/sections/{seg(section)}"), new)
        except CommandFailed as refused:
            conflict = refused.problem.get("conflict")
            if not conflict:
                kept = Path(f"{ref}-{section}.md")
                write_private(kept, text)
                echo(f"Your text is in {kept}.", err=True)
                raise
            echo(f"{refused.message} Choose between the marks, then save.", err=True)
            base, unchanged = conflict, ""
            text = click.edit(base["marked"], extension=".md")
        else:
            echo(_saved(ref, section, saved))
            return
    echo("Nothing was changed.")


@postmortem.command("save", epilog=example("firebell postmortem save INC-3 impact impact.md --version 7"))
@click.argument("ref")
@click.argument("section")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option(
    "--version",
    type=click.IntRange(1),
    help="The version that FILE is based on. Default: the current one.",
)
@as_json
def save(ref: str, section: str, file: Any, version: int | None) -> None:
    """Save FILE as the text of a section; - reads the standard input."""
    try:
        text = file.read()
    except UnicodeDecodeError:
        fail(f"{file.name} is not UTF-8 text.", "Save it as UTF-8.", USAGE)
    base = _section(ref, section, version)
    new = {"text": text, "base_version": base["version"], "base_hash": base["hash"]}
    saved = call("PATCH", _address(ref, f"/sections/{seg(section)}"), new)
    show(saved, _saved(ref, section, saved))


@postmortem.command("sections", epilog=example("firebell postmortem sections INC-3"))
@click.argument("ref")
@as_json
def sections_(ref: str) -> None:
    """List the sections, with the names that the other commands take."""
    listed = call("GET", _address(ref, "/sections"))
    rows = [[part["slug"], part["title"] or "-", str(len(part["text"]))] for part in listed["sections"]]
    show_table(listed, ("SECTION", "TITLE", "CHARACTERS"), rows, wide=1, empty="No sections.")


@postmortem.command("versions", epilog=example("firebell postmortem versions INC-3 --limit 5"))
@click.argument("ref")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@as_json
def versions(ref: str, limit: int) -> None:
    """List the versions, latest first."""
    listed = call_first(_address(ref, "/versions"), limit)
    rows = [[str(v["n"]), short(v["at"]), v["by"], v["reason"], v["section"] or "-"] for v in listed]
    show_table(listed, ("VERSION", "SAVED", "BY", "WHY", "SECTION"), rows, wide=4, empty="No versions.")


@postmortem.command(
    "diff", epilog=example("firebell postmortem diff INC-3 7", "firebell postmortem diff INC-3 7 9")
)
@click.argument("ref")
@click.argument("base", type=click.IntRange(1))
@click.argument("to", type=click.IntRange(1), required=False)
@as_json
def diff_(ref: str, base: int, to: int | None) -> None:
    """Print what changed from version BASE to version TO, or to the current text."""
    answer = call("GET", _address(ref, f"/versions/{base}/diff"), to=to)
    marks = {"added": "+ ", "removed": "- ", "same": "  ", "skipped": "… "}
    colors = {"added": "green", "removed": "red"}
    lines = [
        click.style(f"{marks[line['kind']]}{line['text']}", fg=colors.get(line["kind"]))
        for line in answer["lines"]
    ]
    show(answer, "\n".join(lines) or "These versions have the same text.")


@postmortem.command("restore", epilog=example("firebell postmortem restore INC-3 7"))
@click.argument("ref")
@click.argument("version", type=click.IntRange(1))
@as_json
def restore(ref: str, version: int) -> None:
    """Make the text of an earlier VERSION the current one, as a new version."""
    answer = call("POST", _address(ref, f"/versions/{version}/restore"))
    show(answer, f"Version {version} of {ref} restored as version {answer['version']}.")


def _section(ref: str, slug: str, version: int | None = None) -> dict[str, Any]:
    """Return a section with the version that it is of."""
    listed = call("GET", _address(ref, "/sections"), version=version)
    parts = {part["slug"]: part for part in listed["sections"]}
    if slug not in parts:
        fail(f"{ref} has no section {slug}.", f"Its sections are {', '.join(parts)}.")
    return {**parts[slug], "version": listed["version"]}


def _saved(ref: str, section: str, saved: dict[str, Any]) -> str:
    merged = ", with the changes of others" if saved["is_merged"] else ""
    return f"Section {section} of {ref} saved as version {saved['version']}{merged}."


@postmortem.command(
    "incidents",
    epilog=example("firebell postmortem incidents INC-3", "firebell postmortem incidents INC-3 --add INC-5"),
)
@click.argument("ref")
@click.option("--add", help="Add this incident to the document.")
@click.option("--remove", help="Remove this incident from the document.")
@as_json
def incidents_(ref: str, add: str | None, remove: str | None) -> None:
    """List the incidents that a post-mortem is about; add or remove one."""
    answer = call("GET", _address(ref, "/incidents"))
    if add:
        answer = call("POST", _address(ref, "/incidents"), {"incident": add})
    if remove:
        answer = call("DELETE", _address(ref, f"/incidents/{seg(remove)}"))
    show(answer, f"{', '.join(answer['incidents'])}, due {short(answer['due_at'])}")
