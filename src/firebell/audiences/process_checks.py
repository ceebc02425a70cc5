"""Process checks of audiences: T-MAIL, T-MAIL2 and T-AUDIENCE (spec 7.16); pure."""

from collections.abc import Iterator
from datetime import datetime

from firebell.audiences import clocks
from firebell.audiences.incident_audiences import IncidentAudiences
from firebell.audiences.model import AudienceDefinition
from firebell.kit.findings import (
    Evidence,
    FindingLevel,
    FixButton,
    ProcessFinding,
    length_text,
    severest_first,
)


def findings(one: IncidentAudiences, now: datetime) -> list[ProcessFinding]:
    """Return the findings about an incident, errors first; nothing of a private incident goes to customers."""
    results = [*_late_posts(one, now)]
    if not one.incident.is_private:
        results += [*_customer_mail(one, now), *_post_resolution(one, now)]
    return severest_first(results)


def _customer_mail(one: IncidentAudiences, now: datetime) -> Iterator[ProcessFinding]:
    due_at = clocks.customer_mail_due(one.facts)
    sent_at = next(iter(one.mails), None)
    if due_at is None or (sent_at or now) <= due_at:
        return
    late = length_text((sent_at or now) - due_at)
    message = (
        f"The first email to customers came {late} late"
        if sent_at
        else f"Email to customers overdue by {late}"
    )
    yield _finding(one, "T-MAIL", "", FindingLevel.ERROR, message, "declared", needs_mail=sent_at is None)


def _post_resolution(one: IncidentAudiences, now: datetime) -> Iterator[ProcessFinding]:
    due_at, closed_at = clocks.post_resolution_due(one.facts), one.facts.closed_at
    sent_at = clocks.post_resolution_sent(one.facts, one.mails)
    if due_at is None or closed_at is None or (sent_at or now) <= due_at:
        return
    late = length_text((sent_at or now) - due_at)
    is_missed = (sent_at or now) > closed_at + clocks.POST_RESOLUTION_MISSED
    level = FindingLevel.ERROR if is_missed else FindingLevel.WARNING
    message = (
        f"Customers were told {late} late that it is over"
        if sent_at
        else f"Email to customers that it is over: overdue by {late}"
    )
    yield _finding(one, "T-MAIL2", "", level, message, "phase", needs_mail=sent_at is None)


def _late_posts(one: IncidentAudiences, now: datetime) -> Iterator[ProcessFinding]:
    """Yield T-AUDIENCE for each post that was late, without those that T-MAIL and T-MAIL2 are about."""
    for clock in one.clocks:
        audience = clock.audience
        if clock.is_empty or audience.follows_updates:
            continue
        for late in clocks.late_posts(audience, one.facts, clock.sent, now):
            is_mail = audience.is_external and (late.number == 0 or one.facts.closed_at is not None)
            if is_mail or (one.incident.is_private and audience.is_external):
                continue
            length = length_text((late.sent_at or now) - late.due_at)
            message = (
                f"A post to {audience.name} came {length} late"
                if late.sent_at
                else f"Post to {audience.name} overdue by {length}"
            )
            level = FindingLevel.WARNING if one.incident.max_severity <= 1 else FindingLevel.INFO
            yield _finding(
                one,
                "T-AUDIENCE",
                f"{audience.slug}:{late.number}",
                level,
                message,
                "declared",
                audience=audience if late.sent_at is None else None,
            )


def _finding(
    one: IncidentAudiences,
    code: str,
    key: str,
    level: FindingLevel,
    message: str,
    cause: str,
    *,
    audience: AudienceDefinition | None = None,
    needs_mail: bool = False,
) -> ProcessFinding:
    ref = one.incident.ref
    customers = next(
        (clock.audience for clock in one.clocks if clock.audience.is_external and not clock.is_empty), None
    )
    chosen = customers if needs_mail else audience
    fix = FixButton("Write post", href=f"/audiences?to={chosen.slug}#write") if chosen else None
    if needs_mail and customers is None:
        fix = FixButton("Record email", href="#response")
    return ProcessFinding(
        ":".join(filter(None, (ref, code, key))),
        code,
        level,
        message,
        subject=ref,
        evidence=_evidence(one, cause),
        fix=fix,
    )


def _evidence(one: IncidentAudiences, kind: str) -> tuple[Evidence, ...]:
    """Return the entry that a time counts from: the declaration, or the last change of phase."""
    entries = [entry for entry in one.entries if entry[1] == kind]
    if not entries:
        return (Evidence(one.incident.ref, f"declared at {one.facts.declared_at:%Y-%m-%d %H:%M} UTC"),)
    entry_id, _, at, _ = entries[-1]
    return (Evidence(f"e-{entry_id}", f"{kind} at {at:%Y-%m-%d %H:%M} UTC"),)
