"""What a response does and when: one function for the declare form, the dry run, the room and the worker (pure)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.incidents.severity import FACTS, Severity
from firebell.response import business_hours, cadence, escalation_triggers
from firebell.response.model import (
    ANSWER_WITHIN,
    GROUP_NAMES,
    NEXT_TIER,
    SERVICE_TEAM,
    Function,
    How,
    ResponseFacts,
    ResponseGroup,
    ResponseSettings,
    ResponseStep,
)

FUNCTION_GROUPS = {
    ResponseGroup.COMMUNICATIONS: Function.COMMUNICATIONS,
    ResponseGroup.SUPPORT: Function.SUPPORT,
    ResponseGroup.EXECUTIVES: Function.EXECUTIVES,
    ResponseGroup.LEGAL: Function.LEGAL,
    ResponseGroup.SECURITY: Function.SECURITY,
}

ADD_TASK = "task:add"
"""The key of the step that adds the task of a SEV2; the step `task` reminds of it on the next business day."""


def who_name(who: str) -> str:
    """Return the name of a group, of the next tier or of the service's team; a target keeps its reference."""
    if who == NEXT_TIER:
        return "the next tier"
    if who == SERVICE_TEAM:
        return "the service’s team"
    return GROUP_NAMES[ResponseGroup(who)].lower() if who in list(ResponseGroup) else who


def targets(settings: ResponseSettings, who: str) -> tuple[str, ...]:
    """Return the targets of a group, or the target itself."""
    if who in (NEXT_TIER, SERVICE_TEAM):
        return ()
    return settings.groups.get(ResponseGroup(who), ()) if who in list(ResponseGroup) else (who,)


def steps(settings: ResponseSettings, facts: ResponseFacts) -> list[ResponseStep]:
    """Return every step of an open incident that its present state leads to, in order of time.

    Steps that acted are included, so that nothing acts twice; one that was postponed has its new time.
    """
    if not facts.is_open:
        return []
    timed = [*cadence.reminders(facts), *(escalation_triggers.steps(facts) if facts.is_active else [])]
    if facts.severity > 1:
        timed = [_in_business_hours(step, settings) for step in timed]
    listed = [*_on_declaration(settings, facts), *timed]
    if facts.is_active:
        listed += _matrix(settings, facts)
    return sorted((_postponed(step, facts) for step in listed), key=lambda step: (step.at, step.key))


def pending(settings: ResponseSettings, facts: ResponseFacts) -> list[ResponseStep]:
    """Return the steps that have not acted yet, in order of time."""
    return [step for step in steps(settings, facts) if not _acted(step, facts)]


def next_at(listed: Iterable[ResponseStep], now: datetime) -> datetime | None:
    """Return when the next of these steps asks or acts after `now`, None if none does."""
    instants = [at for step in listed for at in (step.ask_at, step.at) if at is not None]
    return min((at for at in instants if at > now), default=None)


def _acted(step: ResponseStep, facts: ResponseFacts) -> bool:
    state = facts.states.get(step.key)
    return state is not None and state.acted_at is not None


def _postponed(step: ResponseStep, facts: ResponseFacts) -> ResponseStep:
    state = facts.states.get(step.key)
    if state is None or state.not_before is None or state.not_before <= (step.ask_at or step.at):
        return step
    return _moved(step, state.not_before)


def _in_business_hours(step: ResponseStep, settings: ResponseSettings) -> ResponseStep:
    """Return a step that waits for business hours; a request for an expert waits for nothing."""
    if step.code == "E3":
        return step
    if step.ask_at is None:
        return replace(step, at=business_hours.from_now(settings.hours, step.at))
    return _moved(step, business_hours.from_now(settings.hours, step.ask_at))


def _moved(step: ResponseStep, ask_at: datetime) -> ResponseStep:
    return replace(step, at=ask_at + ANSWER_WITHIN, ask_at=ask_at)


def _is_unset(settings: ResponseSettings, who: str) -> bool:
    """Return True for a group that has no one: nothing is planned for it, and the settings show the gap."""
    return who in list(ResponseGroup) and not targets(settings, who)


def _on_declaration(settings: ResponseSettings, facts: ResponseFacts) -> list[ResponseStep]:
    response = settings.severities[facts.severity]
    start = facts.since if response.any_hour else business_hours.from_now(settings.hours, facts.since)
    suffix = f":{facts.reopens}" if facts.reopens else ""
    listed = [
        ResponseStep(
            key=f"page:{who}{suffix}",
            at=_executives_at(settings, facts) if who == ResponseGroup.EXECUTIVES else start,
            how=How.PAGE,
            who=who,
            code="declared",
            text=f"Page {who_name(who)}",
            function=FUNCTION_GROUPS.get(ResponseGroup(who)) if who in list(ResponseGroup) else None,
        )
        for who in response.page
        if not _is_unset(settings, who)
    ]
    listed += [
        ResponseStep(
            f"brief:{facts.severity}:{who}",
            start,
            How.BRIEF,
            who,
            "declared",
            f"Email and chat to {who_name(who)}",
        )
        for who in response.brief
        if not _is_unset(settings, who)
    ]
    if response.task:
        at = business_hours.next_opening(settings.hours, facts.declared_at)
        text = "Add a task for the service’s team"
        listed.append(ResponseStep(ADD_TASK, facts.since, How.TASK, SERVICE_TEAM, "declared", text))
        listed.append(
            ResponseStep("task", at, How.TASK, SERVICE_TEAM, "declared", "Task for the next business day")
        )
    if response.queue:
        listed.append(
            ResponseStep("queue", facts.since, How.QUEUE, SERVICE_TEAM, "declared", "Added to the SEV3 queue")
        )
    return listed


def _executives_at(settings: ResponseSettings, facts: ResponseFacts) -> datetime:
    """Return when executives are paged: a SEV0 that no one confirmed gives them a few minutes (spec 4.1)."""
    response = settings.severities[facts.severity]
    start = facts.since if response.any_hour else business_hours.from_now(settings.hours, facts.since)
    if facts.severity != Severity.SEV0 or not facts.provisional:
        return start
    latest = start + timedelta(minutes=settings.executives_wait)
    return min(latest, max(start, facts.confirmed_at)) if facts.confirmed_at else latest


def _matrix(settings: ResponseSettings, facts: ResponseFacts) -> list[ResponseStep]:
    listed = []
    for step in settings.severities[facts.severity].matrix:
        if step.function == Function.SECURITY and not facts.is_security:
            continue
        if _is_unset(settings, step.who):
            continue
        at = facts.since + timedelta(minutes=step.after)
        verb = {How.PAGE: "Page", How.BRIEF: "Brief", How.POST: "Post in"}.get(step.how, "Ask about")
        listed.append(
            ResponseStep(
                key=f"matrix:{facts.since.isoformat()}:{step.after}:{step.function}:{step.how}:{step.who}",
                at=at,
                how=step.how,
                who=step.who,
                code="matrix",
                text=f"{verb} {who_name(step.who)}",
                ask_at=max(facts.since, at - ANSWER_WITHIN) if step.after else None,
                function=step.function,
            )
        )
    return listed


def off_hours(settings: ResponseSettings, severity: int, at: datetime) -> bool:
    """Return True if the first two levels of the service's policy are paged together at this time."""
    return settings.severities[severity].off_hours_levels and not business_hours.is_open(settings.hours, at)


def function_name(settings: ResponseSettings, step: ResponseStep) -> str:
    """Return the name of a matrix step's row, empty for any other step."""
    return next((row.name for row in settings.rows if row.key == step.function), "")


def pages_service(severity: int) -> bool:
    """Return True if the service's policy is paged when an incident of this severity is declared."""
    return FACTS[Severity(severity)].page
