"""The SQL of audits and the decisions about their rules."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from firebell.alert_audit.model import (
    Audit,
    AuditRule,
    AuditVerdict,
    CountedRule,
    EarlierDecision,
    JudgedRule,
    RuleDecision,
    RuleNumbers,
    SilentRule,
)
from firebell.kit.db.database import Row, Tx

_AUDITS = """
    select
        audit.id,
        audit.team_id,
        team.name as team,
        team.slug as team_slug,
        audit.quarter,
        audit.window_start,
        audit.built_at,
        audit.due_at,
        audit.pages,
        audit.nights,
        audit.rules_left_out,
        audit.silent_rules,
        audit.signed_by,
        audit.signed_at,
        (
            select count(*)::int
            from alert_audit_rule
            where alert_audit_rule.audit_id = audit.id
                and verdict <> 'keep'
        ) as to_decide,
        (
            select count(*)::int
            from alert_audit_rule
            where alert_audit_rule.audit_id = audit.id
                and verdict <> 'keep'
                and decision is not null
        ) as decided
    from alert_audit audit
    join team on team.id = audit.team_id
"""


def _audit(row: Row) -> Audit:
    silent = [SilentRule(one["rule"], date.fromisoformat(one["last_paged"])) for one in row["silent_rules"]]
    return Audit(**{**dict(row), "silent_rules": silent})


async def audits(tx: Tx, limit: int, before: int | None = None) -> list[Audit]:
    """Return the audits, newest first; with `before`, only those with a lower id."""
    rows = await tx.fetch(
        f"""
        {_AUDITS}
        where ($2::bigint is null or audit.id < $2::bigint)
        order by audit.id desc
        limit $1
        """,
        limit,
        before,
    )
    return [_audit(row) for row in rows]


async def audit(tx: Tx, quarter: str, team_slug: str) -> Audit | None:
    """Return the audit of a team in a quarter."""
    row = await tx.row(
        f"""
        {_AUDITS}
        where audit.quarter = $1
            and team.slug = $2
        """,
        quarter,
        team_slug,
    )
    return _audit(row) if row else None


async def unreported(tx: Tx, due_before: datetime) -> list[Audit]:
    """Return the unsigned audits that were due before an instant and that managers have not been notified of."""
    rows = await tx.fetch(
        f"""
        {_AUDITS}
        where audit.signed_at is null
            and audit.overdue_at is null
            and audit.due_at <= $1
        order by audit.id
        """,
        due_before,
    )
    return [_audit(row) for row in rows]


async def claim_overdue(tx: Tx, audit_id: int, now: datetime) -> bool:
    """Record that managers are notified of an overdue audit; return False if they already were."""
    return bool(
        await tx.changed(
            """
            update alert_audit
            set overdue_at = $2
            where id = $1
                and overdue_at is null
            """,
            audit_id,
            now,
        )
    )


async def lock(tx: Tx, audit_id: int) -> None:
    """Serialize the decisions about an audit and its signature."""
    await tx.execute("select from alert_audit where id = $1 for no key update", audit_id)


async def teams_without_audit(tx: Tx, quarter: str, owning_since: datetime) -> list[int]:
    """Return the teams that have owned a service since an instant and have no audit of a quarter."""
    rows = await tx.fetch(
        """
        select team.id
        from team
        where exists (
                select
                from service
                where service.team_id = team.id
                    and service.created_at <= $2
                    and service.deleted_at is null
            )
            and not exists (
                select
                from alert_audit
                where alert_audit.team_id = team.id
                    and alert_audit.quarter = $1
            )
        order by team.id
        """,
        quarter,
        owning_since,
    )
    return [row["id"] for row in rows]


async def insert(
    tx: Tx,
    team_id: int,
    quarter: str,
    window: tuple[datetime, datetime],
    due_at: datetime,
    totals: tuple[int, int, int],
    silent: Sequence[SilentRule],
) -> int | None:
    """Store an audit and return its id; None if the team already has one for the quarter.

    `totals` are its pages, its pages at night, and the rules that it does not list.
    """
    audit_id: int | None = await tx.value(
        """
        insert into alert_audit (
            team_id, quarter, window_start, built_at, due_at, pages, nights, rules_left_out, silent_rules
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict do nothing
        returning id
        """,
        team_id,
        quarter,
        *window,
        due_at,
        *totals,
        [{"rule": one.rule, "last_paged": one.last_paged.isoformat()} for one in silent],
    )
    return audit_id


async def insert_rules(tx: Tx, audit_id: int, rules: Sequence[JudgedRule]) -> None:
    """Store the rules of an audit."""
    await tx.many(
        """
        insert into alert_audit_rule (audit_id, rule, service_id, numbers, verdict, merge_into, also, labels)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        [
            (
                audit_id,
                one.counted.rule,
                one.counted.service_id,
                asdict(one.counted.numbers),
                str(one.verdict),
                one.merge_into,
                [str(verdict) for verdict in one.also],
                dict(one.counted.labels),
            )
            for one in rules
        ],
    )


def _rule(row: Row) -> AuditRule:
    counted = CountedRule(row["rule"], RuleNumbers(**row["numbers"]), row["service_id"], row["labels"])
    also = tuple(AuditVerdict(verdict) for verdict in row["also"])
    return AuditRule(
        row["id"],
        row["audit_id"],
        JudgedRule(counted, AuditVerdict(row["verdict"]), row["merge_into"], also),
        RuleDecision(row["decision"]) if row["decision"] else None,
        row["reason"],
        row["decide_on"],
        row["decided_by"],
        row["decided_at"],
    )


async def rules(tx: Tx, audit_id: int) -> list[AuditRule]:
    """Return the rules of an audit, those that cost the most first."""
    rows = await tx.fetch(
        """
        select *
        from alert_audit_rule
        where audit_id = $1
        """,
        audit_id,
    )
    audited = [_rule(row) for row in rows]
    return sorted(audited, key=lambda rule: (-rule.judged.counted.numbers.cost, rule.judged.counted.rule))


async def earlier_decisions(tx: Tx, audit: Audit) -> dict[str, EarlierDecision]:
    """Return what the team decided last about each rule of an audit before it, by rule."""
    rows = await tx.fetch(
        """
        select distinct on (before.rule)
            before.rule,
            earlier.quarter,
            before.decision,
            before.reason,
            before.decided_by as by,
            before.decided_at as at,
            (before.numbers ->> 'pages')::int as pages,
            (before.numbers ->> 'nights')::int as nights
        from alert_audit_rule present
        join alert_audit earlier on earlier.team_id = $2
            and earlier.built_at < $3
        join alert_audit_rule before on before.audit_id = earlier.id
            and before.rule = present.rule
            and before.decision is not null
        where present.audit_id = $1
        order by before.rule, earlier.built_at desc
        """,
        audit.id,
        audit.team_id,
        audit.built_at,
    )
    return {
        row["rule"]: EarlierDecision(
            row["quarter"],
            RuleDecision(row["decision"]),
            row["reason"],
            row["by"],
            row["at"],
            row["pages"],
            row["nights"],
        )
        for row in rows
    }


async def save_decision(
    tx: Tx,
    rule_id: int,
    decision: RuleDecision,
    reason: str,
    decide_on: date | None,
    by: tuple[str, int | None],
    now: datetime,
) -> None:
    """Store the decision about a rule, replacing an earlier one."""
    await tx.execute(
        """
        update alert_audit_rule
        set decision = $2,
            reason = $3,
            decide_on = $4,
            decided_by = $5,
            decided_by_id = $6,
            decided_at = $7
        where id = $1
        """,
        rule_id,
        str(decision),
        reason,
        decide_on,
        *by,
        now,
    )


async def sign(tx: Tx, audit_id: int, by: tuple[str, int | None], now: datetime) -> None:
    """Store who signed an audit."""
    values: tuple[Any, ...] = (audit_id, *by, now)
    await tx.execute(
        """
        update alert_audit
        set signed_by = $2,
            signed_by_id = $3,
            signed_at = $4
        where id = $1
        """,
        *values,
    )
