"""Begin or resume a run: its text, trust, variables and journal."""

import contextlib
import hashlib
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firebell import __version__
from firebell.commands.client import seg, target
from firebell.commands.output import (
    REFUSED,
    USAGE,
    CommandFailed,
    Misused,
    fail,
    show,
    wants_json,
)
from firebell.commands.runbook_run_journal import Journal, JournalInUse, RunHeader, delete_old, journals
from firebell.commands.runbook_run_process import bash_path
from firebell.commands.runbook_run_reporter import Reporter, Server, is_away, send_waiting
from firebell.commands.runbook_run_screen import Screen
from firebell.commands.runbook_run_session import ExitCode, Interrupted, JournalFailed, RunSession
from firebell.commands.runbook_run_text import RunText, from_file, from_library
from firebell.commands.runbook_run_trust import is_trusted
from firebell.commands.runbook_run_values import complete, given, proposals
from firebell.kit.findings import FindingLevel
from firebell.kit.text import plural
from firebell.runbooks.execution.execution_plan import ExecutionPlan, plan_of
from firebell.runbooks.execution.variables import Variable, VariableError, declared
from firebell.runbooks.model import Runbook
from firebell.runbooks.parse import read
from firebell.runbooks.runs.model import RunMode, RunStepState
from firebell.runbooks.runs.steps_from_text import steps_of


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What was typed."""

    name: str | None
    path: Path | None
    incident: str | None
    variables: tuple[str, ...]
    first: str | None
    dry_run: bool
    resume: str | None
    anyway: bool
    is_unattended: bool
    sha256: str | None
    require_server: bool
    keeps_output: bool | None


def start(options: RunOptions, *, is_terminal: bool) -> ExitCode:
    """Run or resume, and return how it ended."""
    _check(options, is_terminal=is_terminal)
    bash = bash_path()
    if bash is None:
        fail(
            "This machine has no bash, which runs the commands.",
            "Install bash, or run the steps by hand.",
            USAGE,
        )
    screen = Screen(quiet_out=wants_json(), is_interactive=not options.is_unattended and is_terminal)
    server = _server(options)
    with contextlib.suppress(OSError):
        delete_old(time.time())
    try:
        session = _session(options, screen, server, bash)
    except KeyboardInterrupt:
        screen.say("Nothing was run.")
        return ExitCode.INTERRUPTED
    except (JournalFailed, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        fail(f"The journal can't be written: {reason}. Nothing was run.", "Free up disk space.")
    return _carried_out(session, screen)


def _check(options: RunOptions, *, is_terminal: bool) -> None:
    """End the command if the options contradict each other or need what is not there."""
    if options.resume is None and (options.name is None) == (options.path is None):
        fail("Name a runbook, or give its file.", "See 'firebell runbook run --help'.", USAGE)
    if options.resume is not None and (options.first or options.dry_run or options.incident or options.path):
        fail(
            "A resumed run continues with the options it started with.",
            "Leave out --from, --dry-run, --incident and --file.",
            USAGE,
        )
    if options.is_unattended and not (options.sha256 or options.path or options.resume):
        fail(
            "--yes runs only a text that you know.",
            "Add --sha256 with the SHA-256 of the text, or --file.",
            USAGE,
        )
    if not options.is_unattended and not is_terminal and not options.dry_run:
        screen = Screen(quiet_out=wants_json(), is_interactive=False)
        screen.say(
            "A person must answer, and this is not a terminal. Use --yes for runbooks that need no one."
        )
        sys.exit(ExitCode.NEEDS_PERSON)


def _server(options: RunOptions) -> Server | None:
    try:
        return Server(*target(), gives_up=True)
    except Misused:
        needs_library = options.path is None and options.resume is None
        if needs_library or options.incident or options.require_server:
            raise
        return None


def _session(options: RunOptions, screen: Screen, server: Server | None, bash: str) -> RunSession:
    """Begin or resume a run, then send what earlier runs had to report, also if this one is refused.

    In this order, a report that can't be sent does not keep the newest text from being read.
    """
    try:
        if options.resume is None:
            return _begun(options, screen, server, bash)
        return _resumed(options, screen, server, bash)
    finally:
        if server and (sent := send_waiting(server)):
            screen.say(f"Sent what {plural(sent, 'earlier run')} had to report.")


def _begun(options: RunOptions, screen: Screen, server: Server | None, bash: str) -> RunSession:
    text = _text(options, server)
    if text.note:
        screen.say(text.note, color="yellow")
    if options.sha256 and options.sha256.lower() != text.sha256:
        fail(
            f"The text has a different SHA-256: {text.sha256}.",
            "Read the changes, then pass the new one.",
            REFUSED,
        )
    runbook, plan, variables = _parsed(text.body)
    first = plan.named(options.first) if options.first else None
    if options.first and first is None:
        names = ", ".join(step.step.label for step in plan.forward if step.step.label)
        fail(f"There is no step {options.first}.", f"Steps: {names or 'none'}.", USAGE)
    values = given(options.variables, variables)
    incident, note = _incident(options, server)
    if note:
        screen.say(note, color="yellow")
    _note_errors(runbook, screen)
    if screen.is_interactive:
        origin = (
            str(options.path.resolve()) if options.path else f"{server.url if server else ''} {text.slug}"
        )
        if not is_trusted(origin.strip(), text.sha256, text.body, screen):
            raise KeyboardInterrupt
    proposed = _proposals(server, incident, variables, screen)
    values = complete(variables, values, proposed, screen)
    header = RunHeader(
        client_id=str(uuid.uuid4()),
        slug=text.slug,
        sha256=text.sha256,
        body=text.body,
        is_library_text=text.is_library_text,
        incident=options.incident,
        mode=RunMode.INTERACTIVE if screen.is_interactive else RunMode.UNATTENDED,
        dry=options.dry_run,
        keeps_output=_keeps_output(options, incident),
        secrets=[variable.name for variable in variables if variable.secret],
        client=f"firebell {__version__}",
        started_at=datetime.now(UTC).isoformat(),
        server=server.url if server else "",
    )
    session = RunSession(plan, variables, values, Journal.create(header), screen, bash)
    session.errors_only = wants_json()
    _connect(session, server)
    if first:
        session.skip_before(first)
    return session


def _text(options: RunOptions, server: Server | None) -> RunText:
    if options.path:
        return from_file(options.path)
    assert options.name
    assert server
    return from_library(server, options.name, requires_server=options.require_server)


def _parsed(body: str) -> tuple[Runbook, ExecutionPlan, tuple[Variable, ...]]:
    runbook = read(body)
    try:
        variables = declared(runbook.front.declarations)
    except VariableError as error:
        fail(f"The variables of the runbook can't be read. {error}", "Correct vars at the top of it.", USAGE)
    if runbook.front.refused:
        problem = runbook.front.problems[0]
        fail(f"Line {problem.line}: {problem.message}", problem.advice, USAGE)
    plan = plan_of(runbook, steps_of(body))
    if not plan.forward:
        fail("The runbook has no steps.", "Check it with 'firebell runbook check'.", USAGE)
    return runbook, plan, variables


def _note_errors(runbook: Runbook, screen: Screen) -> None:
    """Name the commands in which a value could become a part of the command."""
    from firebell.runbooks.text_checks import check

    for finding in check(runbook, datetime.now(UTC).date()):
        if finding.id in ("R-REPARSE", "R-QUOTE"):
            color = "red" if finding.level == FindingLevel.ERROR else "yellow"
            screen.say(f"line {finding.line}: {finding.level} {finding.id} {finding.message}", color=color)


def _incident(options: RunOptions, server: Server | None) -> tuple[Mapping[str, Any] | None, str]:
    """Return the incident, None without one or while the server is unreachable, and a note about that."""
    if options.incident is None or server is None:
        return None, ""
    try:
        incident: Mapping[str, Any] = server.call("GET", f"/api/v1/incidents/{seg(options.incident)}")
    except CommandFailed as error:
        if options.require_server or not is_away(error):
            raise
        return None, f"{error.message} The run continues, and is sent later. Its output is not kept."
    return incident, ""


def _keeps_output(options: RunOptions, incident: Mapping[str, Any] | None) -> bool:
    if options.keeps_output is not None:
        return options.keeps_output
    # an incident that could not be read may be private
    return options.incident is None or (incident is not None and incident["visibility"] != "private")


def _proposals(
    server: Server | None,
    incident: Mapping[str, Any] | None,
    variables: tuple[Variable, ...],
    screen: Screen,
) -> dict[str, str]:
    if server is None or incident is None:
        return {}
    try:
        return proposals(server, incident, variables)
    except CommandFailed as error:
        screen.say(f"No values from the incident: {error.message}", color="yellow")
        return {}


def _connect(session: RunSession, server: Server | None) -> None:
    if server is None:
        return
    session.keep_variables()
    session.reporter = Reporter(Server(server.url, server.key), session.journal)
    session.reporter.start()
    ref = session.journal.state.ref
    session.screen.say(
        f"Recorded as {ref}." if ref else "The run continues, and is sent to the server later."
    )
    if session.reporter.problem:
        session.screen.say(session.reporter.problem, color="yellow")


def _resumed(options: RunOptions, screen: Screen, server: Server | None, bash: str) -> RunSession:
    wanted = options.name if options.resume == "latest" else options.resume
    journal = _reopened(wanted)
    header = journal.state.header
    if server is not None and server.url != header.server:
        server = None
    newest = _newest_sha256(header, server)
    is_other = (newest is not None and newest != header.sha256) or (
        options.sha256 is not None and options.sha256.lower() != header.sha256
    )
    if is_other and not options.anyway:
        # what it has to report is sent
        journal.close()
        fail(
            f"The runbook has changed since this run began ({header.sha256}).",
            "Read it. Then continue with the old text (--anyway), or start a new run.",
        )
    if hashlib.sha256(header.body.encode()).hexdigest() != header.sha256:
        fail(f"{journal.path} was changed: its text does not have its SHA-256.", "Start a new run.")
    _, plan, variables = _parsed(header.body)
    known = {**journal.state.variables, **given(options.variables, variables)}
    screen.say(
        f"Resuming {header.slug} ({journal.state.ref or header.client_id}), begun {header.started_at}."
    )
    values = complete(variables, known, {}, screen)
    session = RunSession(plan, variables, values, journal, screen, bash)
    session.errors_only = wants_json()
    _connect(session, server)
    if is_other:
        session.note_other_text(newest or "")
    return session


def _reopened(wanted: str | None) -> Journal:
    for path, state in journals():
        header = state.header
        names = (state.ref, header.client_id, header.slug)
        if wanted is not None and wanted not in names:
            continue
        if not state.is_open:
            continue
        try:
            return Journal.reopen(path)
        except JournalInUse:
            fail(
                f"{state.ref or header.client_id} is open in another terminal.",
                "Continue there, or end that command first.",
            )
    return fail(
        f"No open run {wanted} on this machine." if wanted else "No open run on this machine.",
        "Runs are resumed on the machine on which they began.",
    )


def _newest_sha256(header: RunHeader, server: Server | None) -> str | None:
    """Return the SHA-256 of the library's text now, None if it is not known."""
    if server is None or not header.is_library_text:
        return None
    try:
        body = server.call("GET", f"/api/v1/runbooks/{seg(header.slug)}")["body"]
    except CommandFailed:
        return None
    return hashlib.sha256(body.encode()).hexdigest()


def _carried_out(session: RunSession, screen: Screen) -> ExitCode:
    journal = session.journal
    try:
        code = session.carry_out()
    except (KeyboardInterrupt, Interrupted):
        code = ExitCode.INTERRUPTED
        name = journal.state.ref or journal.state.header.client_id
        screen.say()
        screen.say(f"Interrupted. Resume with: firebell runbook run --resume {name}", color="yellow")
    except JournalFailed as error:
        code = ExitCode.FAILED
        screen.say(f"The journal can't be written: {error}. Nothing more is run.", color="red")
        screen.say(f"Free up space, then check what happened and resume: {journal.path}")
    reporter = session.reporter
    if reporter and not reporter.close():
        why = f" {reporter.problem}" if reporter.problem else ""
        screen.say(f"The server does not have all of this run.{why}", color="yellow")
        screen.say("The next 'firebell runbook run' on this machine sends the rest.")
    if wants_json():
        show(_summary(session, code), "")
    journal.close()
    return code


def _summary(session: RunSession, code: ExitCode) -> dict[str, Any]:
    state = session.journal.state
    return {
        "run": state.ref or None,
        "client_id": state.header.client_id,
        "runbook": state.header.slug,
        "sha256": state.header.sha256,
        "result": code.name.lower(),
        "steps": [
            {"part": step.step.part, "step": step.step.label or str(step.step.position), "state": str(value)}
            for step in session.plan.steps
            if (value := session.states.get(step.key, RunStepState.PENDING))
        ],
        "sent": bool(state.ref) and not state.unsent,
    }
