"""What `firebell doctor` says about chats. A chat that does not work is a warning: paging does not need it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from firebell.chat import store
from firebell.chat.linked_users import queries as link_queries
from firebell.chat.mirror import call_count_store, object_store
from firebell.chat.mirror.call_counts import CallOutcome
from firebell.chat.model import Account, AccountState, ChatKind
from firebell.chat.slack import scopes, socket_store
from firebell.kit.db.database import Tx
from firebell.kit.durations import duration
from firebell.kit.findings import CheckResult
from firebell.kit.text import plural

LATE_S = 60
LIMITED_SHARE = 0.05
"""Share of calls refused as too fast above which it is reported."""


async def check(tx: Tx, now: datetime) -> list[CheckResult]:
    """Return a result for each connected chat, most severe problem first in its text."""
    accounts = await store.accounts(tx)
    waiting = await store.waiting(tx, [account.id for account in accounts], now)
    letters = await object_store.dead_letters(tx)
    calls = await call_count_store.of_last_day(tx, [account.id for account in accounts], now)
    results = []
    for account in accounts:
        targets, age_s = waiting.get(account.id, (0, 0.0))
        dead = sum(letter.account_id == account.id for letter in letters)
        problems = _problems(account, targets, age_s, dead, calls[account.id])
        if account.kind is ChatKind.SLACK:
            problems += await _slack_problems(tx, account, now)
        text = " ".join(problems) if problems else "It works."
        results.append(CheckResult("chat", "warn" if problems else "ok", f"{account.label}: {text}"))
    return results


async def _slack_problems(tx: Tx, account: Account, now: datetime) -> list[str]:
    problems = []
    if error := (await socket_store.errors(tx, [account.id])).get(account.id):
        problems.append(f"CH-SOCKET: Socket Mode is not connected ({error}).")
    unlinked = await link_queries.unlinked(tx, account, now)
    if unlinked.users:
        problems.append(f"CH-UNLINKED: {plural(len(unlinked.users), 'user')} acted without a link.")
    if unlinked.people:
        names = ", ".join(person.name for person in unlinked.people)
        problems.append(f"CH-UNLINKED: {account.name} has no user with the email of {names}.")
    return problems


def _problems(
    account: Account, targets: int, age_s: float, dead: int, calls: Mapping[CallOutcome, int]
) -> list[str]:
    problems = []
    if account.state is AccountState.BROKEN:
        problems.append(
            f"CH-BROKEN: the token is refused ({account.reason}). Paste a new one at /settings/chat."
        )
    if account.paused_at is not None:
        problems.append("It is paused.")
    if dead:
        problems.append(f"CH-DEAD: {plural(dead, 'message')} could not be sent. See 'firebell chat dead'.")
    if age_s > LATE_S:
        problems.append(
            f"CH-BEHIND: {plural(targets, 'change')} waiting, the oldest for {duration(timedelta(seconds=age_s))}."
        )
    if calls[CallOutcome.LIMITED] > LIMITED_SHARE * sum(calls.values()):
        problems.append(
            f"CH-LIMITED: the chat refused {plural(calls[CallOutcome.LIMITED], 'call')} as too fast today."
        )
    if account.kind is ChatKind.MATTERMOST and "commands" not in account.scopes:
        problems.append("CH-COMMANDS: the bot may not create commands, so there are no buttons.")
    missing = scopes.missing(account.scopes) if account.kind is ChatKind.SLACK else []
    if missing:
        problems.append(f"CH-SCOPE: {', '.join(missing)} missing. {scopes.loss(missing[0])}")
    return problems
