"""From intents to actions: the one place where a chat acts (spec 8.6)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from firebell.chat.handlers import incident_handlers, page_handlers, public_handlers, task_handlers
from firebell.chat.intents import commands, help_texts
from firebell.chat.intents.model import (
    AckPage,
    AddEntry,
    AddTask,
    CaptureMessage,
    ChangeRole,
    ChangeSeverity,
    ChangeTask,
    CloseIncident,
    DeclareIncident,
    DismissIncident,
    EscalatePage,
    ForcePhase,
    Intent,
    JoinRoom,
    LinkAccount,
    ListIncidents,
    ListPages,
    ListTasks,
    NotePage,
    OpenModal,
    PageSomeone,
    PublishUpdate,
    ReopenIncident,
    ResolveIncident,
    ResolvePage,
    ShowHelp,
    ShowOnCall,
    ShowRoles,
    ShowStatus,
    ShowSummary,
    SnoozePage,
    SubmitDeclaration,
    UnpublishUpdate,
    Usage,
)
from firebell.chat.intents.reply_model import Reply, ReplyButton, refusal
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError, Unavailable

Handler = Callable[[Tx, ChatContext, Any, datetime], Awaitable[Reply]]
HANDLERS: dict[type, Handler] = {
    DeclareIncident: incident_handlers.declare,
    SubmitDeclaration: incident_handlers.submit_declaration,
    ForcePhase: incident_handlers.force_phase,
    CaptureMessage: incident_handlers.capture_message,
    AddEntry: incident_handlers.add_entry,
    PublishUpdate: public_handlers.publish,
    UnpublishUpdate: public_handlers.unpublish,
    ChangeSeverity: incident_handlers.change_severity,
    ChangeRole: incident_handlers.change_role,
    AddTask: task_handlers.add_task,
    ChangeTask: task_handlers.change_task,
    ListTasks: task_handlers.list_tasks,
    ResolveIncident: incident_handlers.resolve,
    CloseIncident: incident_handlers.close,
    ReopenIncident: incident_handlers.reopen,
    DismissIncident: incident_handlers.dismiss,
    ShowStatus: incident_handlers.show_status,
    ShowSummary: incident_handlers.show_summary,
    ShowRoles: incident_handlers.show_roles,
    JoinRoom: incident_handlers.join,
    ListIncidents: incident_handlers.list_incidents,
    AckPage: page_handlers.acknowledge,
    ResolvePage: page_handlers.resolve,
    EscalatePage: page_handlers.escalate,
    SnoozePage: page_handlers.snooze,
    NotePage: page_handlers.add_note,
    ListPages: page_handlers.list_pages,
    ShowOnCall: page_handlers.show_on_call,
    PageSomeone: page_handlers.page_someone,
}
FOR_UNLINKED = (
    *(DeclareIncident, SubmitDeclaration, ShowStatus, ShowSummary, ListIncidents),
    *(ShowHelp, LinkAccount, Usage),
)
"""What a user may do who is linked to no one, besides opening the form that declares."""


async def handle(
    tx: Tx, context: ChatContext, intent: Intent, now: datetime, command: str = commands.INCIDENT
) -> Reply:
    """Do what a person wants and return the answer; nothing is stored of what was refused."""
    return replace(await _reply(tx, context, intent, now, command), composed_at=now)


async def _reply(tx: Tx, context: ChatContext, intent: Intent, now: datetime, command: str) -> Reply:
    if context.person is None and not _open_to_unlinked(context, intent):
        return link_first(context)
    match intent:
        case ShowHelp():
            return help_texts.help_for(intent, context.command_names)
        case Usage():
            return help_texts.answer(intent, command, context.incident)
        case OpenModal():
            return Reply(modal=intent)
        case LinkAccount():
            return already_linked(context) if context.person else link_first(context)
    try:
        async with tx.savepoint():
            with private_reader.as_reader(context.reader):
                return await HANDLERS[type(intent)](tx, context, intent, now)
    except Unavailable:
        # the transaction failed, not the intent
        raise
    except FirebellError as error:
        return refusal(error)


def _open_to_unlinked(context: ChatContext, intent: Intent) -> bool:
    if context.account.settings.unlinked != "declare":
        return isinstance(intent, ShowHelp | LinkAccount)
    return isinstance(intent, FOR_UNLINKED) or (isinstance(intent, OpenModal) and intent.name == "declare")


def link_first(context: ChatContext) -> Reply:
    """Return the refusal of a user who is linked to no one, with the way to link."""
    return Reply(
        "Your chat account is not linked to a Firebell account yet, so nothing was done. "
        "You can declare incidents and see their status.",
        (ReplyButton("Link my account", url=context.link_url, primary=True),),
        done=False,
    )


def already_linked(context: ChatContext) -> Reply:
    """Return who the user is."""
    assert context.person is not None
    return Reply(
        f"You are {context.person.name} in Firebell.",
        (ReplyButton("Open my profile", url=context.url("/settings")),),
    )
