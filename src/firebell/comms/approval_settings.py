"""The approval rules of the organization: the defaults until someone changes them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from firebell.comms.approval_rules import (
    DEFAULT_RULES,
    MAX_MINUTES,
    ROLE_LABELS,
    ApprovalRule,
    Silence,
)
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid, NotFound
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

SETTING = "comms_approval"
"""The key of the setting: what differs from the default, by the id of the rule."""


def _applied(rule: ApprovalRule, stored: Mapping[str, Any]) -> ApprovalRule:
    return replace(
        rule,
        enabled=stored.get("enabled", rule.enabled),
        minutes=stored.get("minutes", rule.minutes),
        roles=tuple(stored.get("roles", rule.roles)),
        silence=Silence(stored.get("silence", rule.silence)),
        severities=frozenset(stored.get("severities", rule.severities)),
    )


async def approval_rules(tx: Tx) -> list[ApprovalRule]:
    """Return the rules in force, with those that are turned off."""
    stored = await org_settings.get(tx, SETTING, {})
    return [_applied(rule, stored.get(rule.id, {})) for rule in DEFAULT_RULES]


@permits(Verb.STATUS_PAGE_WRITE)
async def change_approval_rule(
    tx: Tx,
    actor: Actor,
    rule_id: str,
    now: datetime,
    *,
    enabled: bool,
    roles: Sequence[str],
    silence: Silence,
    minutes: int,
    severities: Sequence[int],
) -> ApprovalRule:
    """Change who approves, at which severities, and what silence means. Idempotent."""
    rules = {rule.id: rule for rule in await approval_rules(tx)}
    if rule_id not in rules:
        raise NotFound(f"There is no approval rule {rule_id[:40]!r}.", hint=f"Use {', '.join(rules)}.")
    if unknown := set(roles) - set(ROLE_LABELS):
        raise Invalid(
            f"{min(unknown)[:40]!r} can’t approve.", fields={"roles": f"Use {', '.join(ROLE_LABELS)}."}
        )
    if enabled and not roles:
        raise Invalid("No one approves.", fields={"roles": "Choose who approves, or turn the rule off."})
    if not set(severities) <= {0, 1, 2, 3}:
        raise Invalid("This is not a severity.", fields={"severities": "Use 0 to 3."})
    if not 0 <= minutes <= MAX_MINUTES:
        raise Invalid("The wait is out of range.", fields={"minutes": f"Enter 0 to {MAX_MINUTES} minutes."})
    changed = replace(
        rules[rule_id],
        enabled=enabled,
        roles=tuple(role for role in ROLE_LABELS if role in roles),
        silence=silence,
        minutes=0 if silence is Silence.HOLD else minutes,
        severities=frozenset(severities),
    )
    if changed == rules[rule_id]:
        return changed
    stored = dict(await org_settings.get(tx, SETTING, {}))
    stored[rule_id] = {
        "enabled": changed.enabled,
        "minutes": changed.minutes,
        "roles": list(changed.roles),
        "silence": str(changed.silence),
        "severities": sorted(changed.severities),
    }
    await org_settings.put(tx, SETTING, stored)
    await tx.audit(actor, "comms.approval_rule_changed", f"approval rule {rule_id}", now, **stored[rule_id])
    return changed
