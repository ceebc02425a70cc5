"""The chat of the demo: a workspace that is set up and paused, because nothing of a demo leaves the machine."""

from dataclasses import replace
from datetime import datetime

from firebell.chat.accounts import actions as accounts
from firebell.chat.accounts.actions import Connection
from firebell.chat.model import AccountSecrets, AnnouncementRule, ChatKind, OncallGroup
from firebell.chat.slack import scopes
from firebell.demo.organization import Kestrel
from firebell.kit.db.database import Tx
from firebell.oncall.schedules import queries as oncall

WORKSPACE = "Kestrel (example)"
_LEFT_OUT = "usergroups:write"
"""A scope that many workspaces lack, so that the page shows what that costs."""


async def set_up(tx: Tx, kestrel: Kestrel, now: datetime) -> None:
    """Connect a workspace that does not exist, with its rules, and pause it before anything is called."""
    actor = kestrel.actor("Mara")
    granted = tuple(scope for scope in (*scopes.SCOPES, *scopes.OPTIONAL) if scope != _LEFT_OUT)
    connection = Connection(
        ChatKind.SLACK, "T0EXAMPLE", WORKSPACE, "http", "U0EXAMPLE", "B0EXAMPLE", scopes=granted
    )
    account = await accounts.connect(tx, actor, connection, AccountSecrets(), "", "Europe/Stockholm", now)
    await accounts.pause(tx, actor, account.id, now)
    schedule = await oncall.by_slug(tx, "payments-primary")
    rules = (
        AnnouncementRule("C0INCIDENTS", "incidents", severities=(0, 1, 2)),
        AnnouncementRule("C0SUPPORT", "support", incidents=False),
        AnnouncementRule(
            "C0PAYMENTS",
            "payments-pages",
            service_ids=(kestrel.services["checkout-api"],),
            incidents=False,
            pages=True,
        ),
    )
    oncall_group = OncallGroup("S0PAYMENTS", "payments-oncall", (schedule.id,))
    settings = replace(account.settings, rules=rules, groups=(oncall_group,))
    await accounts.set_settings(tx, actor, account.id, settings, now)
