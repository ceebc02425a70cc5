"""Carry out a run: step by step, with the journal written before and after each command."""

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum

import click

from firebell.commands.runbook_run_journal import Journal
from firebell.commands.runbook_run_process import (
    Ended,
    Interrupts,
    environment,
    run_command,
    standard_streams,
)
from firebell.commands.runbook_run_reporter import Reporter
from firebell.commands.runbook_run_screen import NeedsPerson, Screen, duration
from firebell.runbooks.execution.attributes import RunMode
from firebell.runbooks.execution.execution_plan import ExecutableStep, ExecutionPlan, WayBack, step_states
from firebell.runbooks.execution.shell_words import shell_commands
from firebell.runbooks.execution.variables import Variable, VariableError
from firebell.runbooks.runs.model import (
    REASON_MAX_CHARS,
    ROLLBACK,
    RunEventKind,
    RunStepState,
    StepKey,
)


class ExitCode(IntEnum):
    """Exit codes of `firebell runbook run`."""

    SUCCEEDED = 0
    FAILED = 1
    USAGE = 2
    SERVER_AWAY = 3
    NEEDS_PERSON = 4
    ROLLED_BACK = 5
    ROLLBACK_FAILED = 6
    INTERRUPTED = 130


class JournalFailed(Exception):  # noqa: N818 - a state of the world
    """The journal cannot be written, so nothing more is run."""


class Interrupted(Exception):  # noqa: N818 - a state of the world
    """SIGTERM or SIGHUP, or Ctrl-C without a person to ask."""


class Answer(StrEnum):
    """What is to happen with a step."""

    RUN = "run"
    SETTLED = "settled"
    ROLL_BACK = "roll back"
    STOP = "stop"


_OTHER_TEXT = "Resumed although the runbook has changed"
_ON_HAND = {"d": "done by hand", "s": "skip"}
_LEAVE = {"b": "roll back", "q": "stop"}


@dataclass(slots=True)
class RunSession:
    """One run in this process. `values` are those of all variables; `texts` replace commands that were edited."""

    plan: ExecutionPlan
    declared: Sequence[Variable]
    values: dict[str, str]
    journal: Journal
    screen: Screen
    bash: str
    reporter: Reporter | None = None
    errors_only: bool = False
    texts: dict[StepKey, str] = field(default_factory=dict)
    secret_values: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.secret_values |= {self.values[name] for name in self._secrets if name in self.values}

    @property
    def _secrets(self) -> frozenset[str]:
        return frozenset(variable.name for variable in self.declared if variable.secret)

    @property
    def states(self) -> dict[StepKey, RunStepState]:
        """The state of each step that something happened to."""
        return step_states(self.journal.state.step_events)

    @property
    def _is_dry(self) -> bool:
        return self.journal.state.header.dry

    def skip_before(self, first: ExecutableStep) -> None:
        """Record the steps before `first` as skipped."""
        for step in self.plan.forward[: self.plan.forward.index(first)]:
            self._record(RunEventKind.STEP_SKIPPED, step, reason=f"Started from {first.name}")

    def note_other_text(self, sha256: str) -> None:
        """Record that the run continues although the runbook has another text."""
        note = f"{_OTHER_TEXT}: {sha256}"
        if step := self.plan.next_step(self.states):
            self._record(RunEventKind.STEP_EDITED, step, reason=note)

    def carry_out(self) -> ExitCode:
        """Run what is left, and return how it ended; raise `KeyboardInterrupt` if it was left open.

        Raise `JournalFailed` if the journal cannot be written, and `Interrupted` after a signal.
        """
        self.keep_variables()
        for key, state in self.states.items():
            if state == RunStepState.RUNNING and (step := self.plan.step(key)):
                self._record(RunEventKind.STEP_UNKNOWN, step)
        try:
            if self.journal.state.is_rolling_back:
                return self._roll_back()
            while step := self.plan.next_step(self.states):
                self._heed_the_browser()
                answer = self._dry(step) if self._is_dry else self._settle(step)
                if answer == Answer.ROLL_BACK:
                    return self._roll_back()
                if answer == Answer.STOP:
                    return self._stop()
        except NeedsPerson as reason:
            return self._needs_person(str(reason))
        self._record(RunEventKind.RUN_SUCCEEDED)
        self.screen.say()
        dry_end = "The dry run ended: only harmless prerequisites were run."
        self.screen.say(dry_end if self._is_dry else "The run succeeded.", color="green")
        return ExitCode.SUCCEEDED

    def _heed_the_browser(self) -> None:
        if self.reporter is None or not self.reporter.is_taken_over:
            return
        self.screen.say("Someone continues this run in the browser.", color="yellow")
        if not self.screen.confirms("Continue here anyway?"):
            raise KeyboardInterrupt
        self.reporter.is_taken_over = False

    def _settle(self, step: ExecutableStep) -> Answer:
        """Ask and run until the step is done or skipped, or the person leaves it."""
        state = self.states.get(step.key, RunStepState.PENDING)
        self._show(step)
        if state == RunStepState.PENDING and self._skips_text(step):
            return Answer.SETTLED
        while True:
            answer = self._answer(step, state)
            if answer == Answer.RUN:
                if self._run(step):
                    return Answer.SETTLED
                state = RunStepState.FAILED
                if not self.screen.is_interactive:
                    return Answer.ROLL_BACK
            else:
                return answer

    def _skips_text(self, step: ExecutableStep) -> bool:
        """Skip text without a command when nobody reads it, except among the steps themselves."""
        if self.screen.is_interactive or step.step.fence_sha or step.step.part in ("Steps", ROLLBACK):
            return False
        self._record(RunEventKind.STEP_SKIPPED, step, reason="Text without a command, run unattended")
        return True

    def _answer(self, step: ExecutableStep, state: RunStepState) -> Answer:
        """Return what to do with a step; run=auto needs no question the first time."""
        if state == RunStepState.PENDING and step.runs_unattended:
            return Answer.RUN
        repeats = step.attributes.idempotent and step.is_runnable and not step.attributes.danger
        repeats = repeats and not self._was_edited(step)
        if state == RunStepState.UNKNOWN and repeats and (self.screen.is_interactive or step.runs_unattended):
            self.screen.say("It is not known whether this step ran. It is idempotent, so it runs again.")
            return Answer.RUN
        if not self.screen.is_interactive:
            raise NeedsPerson(f"{step.name} needs a person: {_why(step, state)}")
        return self._asked(step, state)

    def _was_edited(self, step: ExecutableStep) -> bool:
        return any(
            (event.get("part"), event.get("position")) == step.key
            and event["kind"] == RunEventKind.STEP_EDITED
            and not event["reason"].startswith(_OTHER_TEXT)
            for event in self.journal.state.events
        )

    def _asked(self, step: ExecutableStep, state: RunStepState) -> Answer:
        question, run_label = {
            RunStepState.UNKNOWN: ("It is not known how this step ended. Did it run?", "run it again"),
            RunStepState.FAILED: ("", "retry"),
        }.get(state, ("", "run"))
        runs = {"r": run_label, "e": "edit"} if step.is_runnable else {}
        leave = _LEAVE if step.step.part != ROLLBACK else {"q": "stop"}
        while True:
            key = self.screen.key(question, {**runs, **_ON_HAND, **leave})
            if key == "r" and self._confirms_danger(step):
                return Answer.RUN
            if key == "e":
                self._edit(step)
            elif key in "ds":
                needs_reason = key == "s" or state in (RunStepState.FAILED, RunStepState.UNKNOWN)
                reason = self.screen.reason("Why?") if needs_reason else ""
                kind = RunEventKind.STEP_DONE if key == "d" else RunEventKind.STEP_SKIPPED
                self._record(kind, step, reason=reason)
                return Answer.SETTLED
            elif key in "bq":
                return Answer.ROLL_BACK if key == "b" else Answer.STOP

    def _confirms_danger(self, step: ExecutableStep) -> bool:
        name = step.attributes.danger
        if not name:
            return True
        value = self.values.get(name) or os.environ.get(name, "")
        typed = self.screen.line(f"Type the value of {name} to run this", is_secret=name in self._secrets)
        if value and typed == value:
            return True
        self.screen.say(f"That is not the value of {name}. Nothing was run.", color="red")
        return False

    def _edit(self, step: ExecutableStep) -> None:
        before = self._text(step)
        edited = click.edit(before, extension=".sh")
        if edited is None or edited == before:
            self.screen.say("Unchanged.")
            return
        diff = list(
            difflib.unified_diff(before.splitlines(), edited.splitlines(), "runbook", "edited", lineterm="")
        )
        for line in diff:
            self.screen.say(line, color={"+": "green", "-": "red"}.get(line[:1]))
        self.texts[step.key] = edited
        self._record(
            RunEventKind.STEP_EDITED, step, reason=self._redacted("\n".join(diff))[:REASON_MAX_CHARS]
        )

    def _redacted(self, text: str) -> str:
        from firebell.runbooks.execution.redaction import redacted

        return redacted(text.encode(), self.secret_values).output.decode(errors="replace")

    def _text(self, step: ExecutableStep) -> str:
        assert step.fence
        return self.texts.get(step.key, step.fence.text)

    def _run(self, step: ExecutableStep) -> bool:
        """Run a command and record how it ended; return True if it succeeded."""
        interrupts = Interrupts()
        with interrupts.counted():
            self._record(RunEventKind.STEP_STARTED, step)
            try:
                ended = run_command(
                    self._text(step),
                    bash=self.bash,
                    env=environment(self.values, self.journal.state.ref or self._client_id, step.name),
                    variables=[variable.name for variable in self.declared],
                    timeout_s=step.attributes.timeout_s,
                    expect=step.attributes.expect,
                    interrupts=interrupts,
                    streams=standard_streams(errors_only=self.errors_only),
                )
            except OSError as error:
                self._record(RunEventKind.STEP_FAILED, step, reason=f"It could not begin: {error.strerror}")
                self.screen.say(f"It could not begin: {error.strerror}.", color="red")
                return False
            self._take(ended.carried)
            problem = _problem(step, ended)
            self._record_end(step, ended, problem)
            self.keep_variables()
        took = duration(ended.duration_ms)
        self.screen.say(
            f"{step.name}: {f'{problem}, ' if problem else 'done in '}{f'after {took}' if problem else took}",
            color="red" if problem else "green",
        )
        if ended.left_running:
            self.screen.say("A process that it started still runs. Its output is no longer shown.")
        if interrupts.is_final or (interrupts.count and not self.screen.is_interactive):
            raise Interrupted
        return not problem

    @property
    def _client_id(self) -> str:
        return self.journal.state.header.client_id

    def _record_end(self, step: ExecutableStep, ended: Ended, problem: str) -> None:
        kept = ended.output.result(self.secret_values)
        output = (
            {"head": kept.head, "tail": kept.tail, "redacted": kept.redacted}
            if self.journal.state.header.keeps_output
            else {}
        )
        self._record(
            RunEventKind.STEP_FAILED if problem else RunEventKind.STEP_DONE,
            step,
            exit=ended.exit,
            ms=ended.duration_ms,
            reason=problem if ended.exit == 0 or ended.stopped_by else "",
            **output,
        )

    def _take(self, carried: Mapping[str, str]) -> None:
        """Take the variables that a command changed, if they are valid."""
        for variable in self.declared:
            value = carried.get(variable.name)
            if value is None or value == self.values.get(variable.name):
                continue
            if variable.secret:
                # it may have been printed before it is refused
                self.secret_values.add(value)
            try:
                self.values[variable.name] = variable.clean(value)
            except VariableError as error:
                self.screen.say(f"{variable.name} keeps its value. The new one: {error}", color="yellow")
            else:
                if variable.secret:
                    self.secret_values.add(self.values[variable.name])
                self.screen.values({variable.name: value}, self._secrets)

    def _dry(self, step: ExecutableStep) -> Answer:
        """Show a step; run it only if it is a prerequisite that is marked as harmless."""
        self._show(step)
        attributes = step.attributes
        is_harmless = attributes.mode == RunMode.AUTO and attributes.idempotent and not attributes.danger
        if step.step.part == "Prerequisites" and step.is_runnable and is_harmless:
            return Answer.SETTLED if self._run(step) else Answer.STOP
        self._record(RunEventKind.STEP_SKIPPED, step, reason="Dry run")
        return Answer.SETTLED

    def _show(self, step: ExecutableStep) -> None:
        self.screen.rule(f"{step.name}: {step.step.title}")
        self.screen.say(step.step.text)
        if step.fence is None:
            return
        if not step.is_runnable:
            self.screen.say("Run this by hand.", color="yellow")
            return
        words = [w for c in shell_commands(self._text(step)) for w in (*c.words, *c.assignments)]
        names = {expansion.name for word in words for expansion in word.expansions}
        used = {name: value for name, value in self.values.items() if name in names}
        self.screen.values(used, self._secrets)
        limits = [f"timeout {duration(step.attributes.timeout_s * 1000)}", f"run={step.attributes.mode}"]
        limits += [f"undone by {', '.join(step.attributes.undo)}"] if step.attributes.undo else []
        self.screen.say(f"  {', '.join(limits)}", color="bright_black")
        for warning in step.attributes.warnings:
            self.screen.say(f"  {warning}, so a person must confirm it", color="yellow")

    def _roll_back(self) -> ExitCode:
        way = self.plan.way_back(self.journal.state.step_events)
        if not way.steps and not self.journal.state.is_rolling_back:
            return self._no_way_back(way)
        if not self.journal.state.is_rolling_back:
            self._record(RunEventKind.RUN_ROLLING_BACK)
        self.screen.say()
        self.screen.say("Rolling back, the last step first.", color="yellow")
        for step in way.steps:
            answer = self._settle(step)
            if answer != Answer.SETTLED:
                self._record(RunEventKind.RUN_ROLLBACK_FAILED, reason=f"{step.name} failed or was left")
                self.screen.say("The rollback did not finish.", color="red")
                return ExitCode.ROLLBACK_FAILED
        reason = _not_undone(way)
        self._record(RunEventKind.RUN_ROLLED_BACK, reason=reason)
        self.screen.say(f"Rolled back. {reason}".rstrip(), color="yellow")
        return ExitCode.ROLLED_BACK

    def _no_way_back(self, way: WayBack) -> ExitCode:
        self.screen.say()
        self.screen.say("No command of Rollback is named by undo. Do this by hand:", color="yellow")
        for step in self.plan.steps:
            if step.step.part == ROLLBACK:
                self.screen.say(step.step.text)
        reason = f"No command of Rollback is named by undo. {_not_undone(way)}".rstrip()
        self._record(RunEventKind.RUN_STOPPED, reason=reason)
        return ExitCode.FAILED

    def _stop(self) -> ExitCode:
        is_failed = RunStepState.FAILED in self.states.values()
        self._record(RunEventKind.RUN_FAILED if is_failed else RunEventKind.RUN_STOPPED)
        self.screen.say("Stopped.", color="yellow")
        return ExitCode.FAILED

    def _needs_person(self, reason: str) -> ExitCode:
        self.screen.say(reason, color="yellow")
        if not self.journal.state.is_rolling_back:
            self._record(RunEventKind.RUN_STOPPED, reason=reason)
        else:
            self._record(RunEventKind.RUN_ROLLBACK_FAILED, reason=reason)
        return ExitCode.NEEDS_PERSON

    def keep_variables(self) -> None:
        """Write the values that a resumed run needs; raise `JournalFailed` if they cannot be written."""
        kept = {name: value for name, value in self.values.items() if name not in self._secrets}
        try:
            self.journal.keep_variables(kept)
        except OSError as error:
            raise JournalFailed(error.strerror) from error

    def _record(self, kind: RunEventKind, step: ExecutableStep | None = None, **more: object) -> None:
        """Write an event to disk and have it sent."""
        place = {"part": step.step.part, "position": step.step.position} if step else {}
        fields = {name: value for name, value in more.items() if value not in (None, "")}
        try:
            self.journal.record({"at": datetime.now(UTC).isoformat(), "kind": kind, **place, **fields})
        except OSError as error:
            raise JournalFailed(error.strerror) from error
        if self.reporter:
            self.reporter.notify()


def _problem(step: ExecutableStep, ended: Ended) -> str:
    """Return why a command failed, empty if it succeeded."""
    if ended.stopped_by == "timeout":
        return f"timeout after {duration(step.attributes.timeout_s * 1000)}"
    if ended.stopped_by:
        return "interrupted"
    if ended.exit:
        return f"exit {ended.exit}" if ended.exit > 0 else f"signal {-ended.exit}"
    return "" if ended.is_expected else f"/{step.attributes.expect}/ is not in its output"


def _why(step: ExecutableStep, state: RunStepState) -> str:
    if state == RunStepState.UNKNOWN:
        return "it is not known whether it ran."
    if state == RunStepState.FAILED:
        return "it failed before."
    if not step.step.fence_sha:
        return "it has no command."
    if step.attributes.danger:
        return f"it asks for the value of {step.attributes.danger} again."
    if not step.is_runnable:
        return "bash can't run its command."
    return "its command is not run=auto."


def _not_undone(way: WayBack) -> str:
    names = ", ".join(step.name for step in way.not_undone)
    return f"Not undone: {names}." if names else ""
