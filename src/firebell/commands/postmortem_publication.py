"""`firebell postmortem review|approve|publish|withdraw|distribute|accept|external|export`: publish a post-mortem."""

from pathlib import Path
from shlex import quote
from typing import Any

import click

from firebell.commands.client import call, fetch, seg
from firebell.commands.output import USAGE, as_json, echo, example, fail, show
from firebell.commands.people import people_of
from firebell.kit.private_files import write_private_bytes
from firebell.kit.text import plural


def _address(ref: str, below: str) -> str:
    return f"/api/v1/post-mortems/{seg(ref)}{below}"


def _state(state: dict[str, Any]) -> str:
    return f"Post-mortem of {state['ref']}: {state['stage']}, version {state['version']}."


@click.command(epilog=example("firebell postmortem review INC-3 --ask aiko@example.com"))
@click.argument("ref")
@click.option(
    "--ask", multiple=True, metavar="PERSON", help="Who to ask, by email address or id; repeatable."
)
@click.option("--show", "only_show", is_flag=True, help="Only show the state of the review.")
@as_json
def review(ref: str, ask: tuple[str, ...], only_show: bool) -> None:
    """Ask for a review of the current version of REF, and show its reviews."""
    if only_show:
        state = call("GET", _address(ref, "/review"))
    else:
        reviewers = [person["id"] for person in people_of(ask)]
        state = call("PUT", _address(ref, "/review"), {"reviewers": reviewers})
    lines = [_state(state)]
    lines += [f"  asked      {name}" for name in state["asked"]]
    if state["stage"] in ("draft", "review"):
        lines += [f"  could ask  {each['name']}, id {each['person_id']}" for each in state["suggested"]]
    lines += [
        f"  {'approved' if each['verdict'] == 'approve' else 'changes '}   version {each['version']}"
        f" by {each['by']}{': ' if each['note'] else ''}{each['note']}"
        for each in state["reviews"]
    ]
    show(state, "\n".join(lines))


@click.command(epilog=example("firebell postmortem approve INC-3 --version 9 --note 'Clear and blameless'"))
@click.argument("ref")
@click.option("--version", type=click.IntRange(1), required=True, help="The version that you read.")
@click.option("--note", default="", help="A note for its author.")
@click.option("--override", default="", metavar="REASON", help="Why someone who wrote it approves it.")
@click.option("--changes", default="", metavar="TEXT", help="Do not approve it: say what should change.")
@as_json
def approve(ref: str, version: int, note: str, override: str, changes: str) -> None:
    """Approve a version of REF; you must have written none of it."""
    if changes:
        state = call("POST", _address(ref, "/wanted-changes"), {"version": version, "note": changes})
    else:
        body = {"version": version, "note": note, "override_reason": override}
        state = call("POST", _address(ref, "/approval"), body)
    show(state, _state(state))


@click.command(
    epilog=example("firebell postmortem publish INC-3 --check", "firebell postmortem publish INC-3")
)
@click.argument("ref")
@click.option("--check", is_flag=True, help="Only list what is left; exit with 1 if anything is.")
@as_json
def publish(ref: str, check: bool) -> None:
    """Publish an approved post-mortem and send it to its distribution list."""
    if check:
        state = call("GET", _address(ref, "/publication"))
        blockers = state["blockers"]
        left = f"{len(blockers)} left" if blockers else "ready to publish"
        lines = [f"Post-mortem of {state['ref']}: {left}."]
        for each in blockers:
            lines.append(f"  {each['id']}: {each['text'].rstrip('.')}. {each['advice']}")
            if each["problem"]:
                accepted = (
                    f"firebell postmortem accept {state['ref']} {quote(each['problem'])} --reason REASON"
                )
                lines.append(f"    Or accept it: {accepted}")
        show(state, "\n".join(lines))
        if blockers:
            raise click.exceptions.Exit(1)
        return
    document = call("POST", _address(ref, "/publish"))
    show(document, f"Post-mortem of {document['ref']} published as version {document['version']}.")


@click.command(
    epilog=example("firebell postmortem accept INC-3 P-WHYS:none --reason 'A known provider outage'")
)
@click.argument("ref")
@click.argument("problem")
@click.option("--reason", required=True, help="Why it can be published with it.")
@as_json
def accept(ref: str, problem: str, reason: str) -> None:
    """Accept a PROBLEM that publish --check lists, with a reason."""
    state = call("POST", _address(ref, "/accepted-problems"), {"problem": problem, "reason": reason})
    show(state, f"Problem {problem} of {state['ref']} accepted.")


@click.command(epilog=example("firebell postmortem distribute INC-3 list:engineering team:2 ceo@example.com"))
@click.argument("ref")
@click.argument("members", nargs=-1)
@as_json
def distribute(ref: str, members: tuple[str, ...]) -> None:
    """Choose who gets REF when it is published; without MEMBERS the lists of its severity."""
    chosen = call("PUT", _address(ref, "/distribution"), {"members": list(members)})
    count = len(chosen["people"]) + len(chosen["addresses"])
    show(chosen, f"{', '.join(chosen['names']) or 'No one'}: {plural(count, 'recipient')}.")


@click.command(epilog=example("firebell postmortem withdraw INC-3 --reason 'It names a wrong cause'"))
@click.argument("ref")
@click.option("--reason", default="", help="Why it is withdrawn; the second person may leave it out.")
@as_json
def withdraw(ref: str, reason: str) -> None:
    """Withdraw REF; its author and a manager do it together."""
    state = call("POST", _address(ref, "/withdrawal"), {"reason": reason})
    waits = "" if state["withdrawn_at"] else " The other of author and manager must confirm it."
    show(state, f"{_state(state)}{waits}")


@click.group()
def external() -> None:
    """Write and publish the version for customers."""


def _external(state: dict[str, Any]) -> None:
    lines = [f"Version of {state['ref']} for customers: {state['stage'].replace('_', ' ')}."]
    lines += [f"  line {leak['line']}: {leak['text']} {leak['advice']}" for leak in state["leaks"]]
    show(state, "\n".join(lines))


@external.command("show", epilog=example("firebell postmortem external show INC-3 --text > public.md"))
@click.argument("ref")
@click.option("--text", is_flag=True, help="Print the text instead of its state.")
@as_json
def external_show(ref: str, text: bool) -> None:
    """Show the state of the version for customers, and the internal details in it."""
    state = call("GET", _address(ref, "/external"))
    if text:
        show(state, state["body"].rstrip("\n"))
        return
    _external(state)


@external.command(
    "decide", epilog=example("firebell postmortem external decide INC-3 --no 'It was internal'")
)
@click.argument("ref")
@click.option("--yes", is_flag=True, help="Customers get a version; its first text is written.")
@click.option("--no", default="", metavar="REASON", help="Customers need none, and why.")
@as_json
def external_decide(ref: str, yes: bool, no: str) -> None:
    """Decide whether customers get a version."""
    if yes == bool(no):
        fail("Pass either --yes or --no REASON.", "", USAGE)
    _external(call("PUT", _address(ref, "/external"), {"is_needed": yes, "reason": no}))


@external.command("save", epilog=example("firebell postmortem external save INC-3 public.md --version 2"))
@click.argument("ref")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--version", type=click.IntRange(1), required=True, help="The version that FILE is based on.")
@as_json
def external_save(ref: str, file: Any, version: int) -> None:
    """Save FILE as the text for customers; - reads the standard input."""
    try:
        body = file.read()
    except UnicodeDecodeError:
        fail(f"{file.name} is not UTF-8 text.", "Save it as UTF-8.", USAGE)
    _external(call("PUT", _address(ref, "/external/text"), {"body": body, "version": version}))


@external.command("review", epilog=example("firebell postmortem external review INC-3"))
@click.argument("ref")
@as_json
def external_review(ref: str) -> None:
    """Ask the comms lead to approve the text for customers."""
    _external(call("POST", _address(ref, "/external/review")))


@external.command("approve", epilog=example("firebell postmortem external approve INC-3 --version 2"))
@click.argument("ref")
@click.option("--version", type=click.IntRange(1), required=True, help="The version that you read.")
@as_json
def external_approve(ref: str, version: int) -> None:
    """Approve the text for customers, as comms lead or manager."""
    _external(call("POST", _address(ref, "/external/approval"), {"version": version}))


@external.command("publish", epilog=example("firebell postmortem external publish INC-3"))
@click.argument("ref")
@as_json
def external_publish(ref: str) -> None:
    """Publish the approved text on the status pages that show the incident."""
    _external(call("POST", _address(ref, "/external/publish")))


@click.command(epilog=example("firebell postmortem export INC-3 --format pdf --output inc-3.pdf"))
@click.argument("ref")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["md", "html", "pdf", "json"]),
    default="md",
    show_default=True,
)
@click.option("--roles", is_flag=True, help="Roles in place of the names of people.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file; default: print it.")
def export(ref: str, kind: str, roles: bool, output: Path | None) -> None:
    """Export REF as Markdown, HTML, PDF or JSON."""
    if kind == "pdf" and output is None:
        fail("A PDF is written to a file.", "Pass --output, such as --output inc-3.pdf.", USAGE)
    content = fetch(_address(ref, "/export"), format=kind, roles="true" if roles else "false")
    if output is None:
        echo(content.decode().rstrip("\n"))
        return
    write_private_bytes(output, content)
    echo(f"{output} written, {len(content):,} bytes.")


COMMANDS = (review, approve, publish, accept, distribute, withdraw, external, export)
