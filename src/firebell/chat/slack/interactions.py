"""Commands, buttons, forms and shortcuts of Slack: each in the transaction that claims its key."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from firebell.chat.accounts.connected_account import Connected, chat_context_of
from firebell.chat.handlers import dispatch as handlers
from firebell.chat.handlers import home_queries, incident_queries
from firebell.chat.intents import button_values, commands
from firebell.chat.intents.captured_messages import CapturedMessage
from firebell.chat.intents.model import Intent, OpenModal
from firebell.chat.intents.reply_model import Reply, ReplyButton
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.chat.received import store as inbound_store
from firebell.chat.slack import home, modals, reply_blocks
from firebell.chat.slack.capture_modal import capture_view, read_capture
from firebell.chat.slack.payloads import Payload, PayloadKind, at, text_at
from firebell.chat.slack.task_modal import TEXT_MAX_CHARS, read_task, task_view
from firebell.chat.slack.text import tokens
from firebell.chat.users import ChatUser
from firebell.kit.context import Context
from firebell.kit.db.database import Tx

Json = dict[str, Any]
_TITLE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows from an interaction once it is committed.

    `body` is the answer to the request, `view` a form to open, `message` what goes to the `response_url`: with a
    form, only if Slack does not open it. `shown` replaces the form or home page in which a button was pressed.
    """

    body: Json | None = None
    view: Json | None = None
    message: Json | None = None
    shown: Json | None = None

    def stored(self) -> Json:
        """Return what a repetition of the request is answered with."""
        return {"body": self.body, "message": self.message}

    @staticmethod
    def repeated(stored: Json | None) -> "Outcome":
        """Return the outcome of a request that was done before."""
        return Outcome(body=(stored or {}).get("body"))


async def act(
    tx: Tx, ctx: Context, connected: Connected, payload: Payload, user: ChatUser | None, now: datetime
) -> Outcome:
    """Do what an interaction asks for, once per key; a repetition gets the same answer and does nothing."""
    if not await inbound_store.claim(tx, connected.account.id, payload.key, now):
        return Outcome.repeated(await inbound_store.answer(tx, connected.account.id, payload.key))
    context = await chat_context_of(
        tx,
        ctx,
        connected,
        user,
        payload.user,
        payload.user_name,
        payload.channel,
        _refused(payload),
        now,
    )
    context = replace(context, named_at=_named_at(payload))
    outcome = await _act(tx, context, payload, now)
    if outcome.view is not None:
        outcome = replace(outcome, view=modals.stamped(outcome.view, context.named_at or now))
    await inbound_store.save_answer(tx, connected.account.id, payload.key, outcome.stored())
    # messages show at once what was pressed
    await tx.wake("chat")
    return outcome


def _pressed(payload: Payload) -> button_values.Pressed | None:
    """Return what the pressed button asks for, None if it is not ours."""
    action = at(payload.data, "actions", 0)
    value = text_at(action, "value") or text_at(action, "selected_option", "value")
    return button_values.decode(text_at(action, "action_id"), value)


def _named_at(payload: Payload) -> datetime | None:
    """Return the timestamp that the pressed button or submitted form carries."""
    if payload.kind is PayloadKind.SUBMISSION:
        return modals.named_at(at(payload.data, "view"))
    pressed = _pressed(payload)
    return pressed.named_at if pressed else None


def command_of(payload: Payload, context: ChatContext) -> str:
    """Return which command a slash command is, whatever the workspace calls it."""
    name = text_at(payload.data, "command").casefold()
    return commands.PAGE if name == context.command_names[commands.PAGE] else commands.INCIDENT


def _refused(payload: Payload) -> str:
    if payload.kind is not PayloadKind.COMMAND:
        return ""
    return f"{text_at(payload.data, 'command')} {text_at(payload.data, 'text')}".rstrip()


async def _act(tx: Tx, context: ChatContext, payload: Payload, now: datetime) -> Outcome:
    match payload.kind:
        case PayloadKind.COMMAND:
            command = command_of(payload, context)
            intent = commands.parse(command, tokens(text_at(payload.data, "text")), context.incident)
            reply = await handlers.handle(tx, context, intent, now, command)
            return await _asks(tx, context, reply, now) or Outcome(body=reply_blocks.ephemeral(reply))
        case PayloadKind.VIEW_ACTION:
            return await _press_in_form(tx, context, payload, now)
        case PayloadKind.ACTION:
            return await _press(tx, context, payload, now)
        case PayloadKind.SUBMISSION:
            return await _submit(tx, context, payload, now)
        case PayloadKind.SHORTCUT:
            is_declare = text_at(payload.data, "callback_id") == modals.DECLARE
            declaring = Reply(modal=OpenModal("declare"))
            opened = await _asks(tx, context, declaring, now) if is_declare else None
            return opened or Outcome()
        case PayloadKind.MESSAGE_SHORTCUT:
            return await _shortcut(tx, context, payload, now)
        case _:
            return Outcome()


async def _asks(tx: Tx, context: ChatContext, reply: Reply, now: datetime) -> Outcome | None:
    """Return the form that a reply opens, None if it opens none."""
    if reply.modal is None or (view := await _view(tx, context, reply.modal, now)) is None:
        return None
    again = Reply(
        "Slack did not open the form in time.",
        (ReplyButton("Open again", reply.modal),),
        done=False,
        composed_at=context.named_at or now,
    )
    return Outcome(view=view, message=reply_blocks.ephemeral(again))


async def _view(tx: Tx, context: ChatContext, intent: OpenModal, now: datetime) -> Json | None:
    """Return the form of an intent with what is known: the next update's draft, what a title may duplicate."""
    if intent.name == "task":
        return task_view(intent.title, intent.incident)
    draft, similar = "", []
    if intent.name == "declare":
        similar = await incident_queries.similar(tx, context, modals.opened_form(intent).title, now)
    elif intent.name == "update" and intent.incident is not None:
        draft = await incident_queries.update_draft(tx, context, intent.incident, now)
    return modals.view_for(intent, draft, similar)


async def _press_in_form(tx: Tx, context: ChatContext, payload: Payload, now: datetime) -> Outcome:
    """Do what a button in a form or on the home page does; its answer is shown in its place."""
    pressed = _pressed(payload)
    if pressed is None:
        return Outcome()
    reply = await handlers.handle(tx, context, pressed.intent, now, pressed.command)
    if text_at(payload.data, "view", "type") == "home":
        if outcome := await _asks(tx, context, reply, now):
            return outcome
        return Outcome(shown=home.home_view(await home_queries.facts(tx, context, now), reply.text))
    url = next((button.url for button in reply.buttons if button.url), "")
    return Outcome(shown=modals.notice_view("Firebell", reply.text, url))


async def _press(tx: Tx, context: ChatContext, payload: Payload, now: datetime) -> Outcome:
    pressed = _pressed(payload)
    if pressed is None:
        return Outcome()
    reply = await handlers.handle(tx, context, pressed.intent, now, pressed.command)
    return await _asks(tx, context, reply, now) or Outcome(message=reply_blocks.ephemeral(reply))


async def _submit(tx: Tx, context: ChatContext, payload: Payload, now: datetime) -> Outcome:
    view = at(payload.data, "view")
    intent: Intent | modals.FieldErrors | None = (
        read_capture(view) or read_task(view) or modals.submitted(view)
    )
    if intent is None:
        return Outcome()
    if isinstance(intent, modals.FieldErrors):
        return _errors(dict(intent.by_block))
    reply = await handlers.handle(tx, context, intent, now)
    if reply.modal is not None:
        return _errors({"reason": "Enter a reason to lower the severity."})
    if not reply.done:
        return _errors(_by_block(view, reply))
    url = next((button.url for button in reply.buttons if button.url), "")
    title = "Declared" if text_at(view, "callback_id") == modals.DECLARE else "Done"
    notice = modals.notice_view(title, reply.text, url)
    return Outcome(body={"response_action": "update", "view": notice})


def _errors(by_block: dict[str, str]) -> Outcome:
    return Outcome(body={"response_action": "errors", "errors": by_block})


def _by_block(view: Any, reply: Reply) -> dict[str, str]:
    """Return a refusal by the block that shows it: its field's, else the first input."""
    blocks = at(view, "blocks")
    inputs = [
        text_at(block, "block_id")
        for block in (blocks if isinstance(blocks, list) else [])
        if text_at(block, "type") == "input"
    ]
    named = {name: text for name, text in reply.fields.items() if name in inputs}
    return named or {(inputs or ["text"])[0]: reply.text[:150]}


async def _shortcut(tx: Tx, context: ChatContext, payload: Payload, now: datetime) -> Outcome:
    message = at(payload.data, "message")
    text = commands.plain(tokens(text_at(message, "text")))
    callback = text_at(payload.data, "callback_id")
    if callback == "fb_declare_from":
        title = " ".join(text.split())[:_TITLE_CHARS]
        form = modals.DeclareForm(title=title, summary=text[:3000])
        similar = await incident_queries.similar(tx, context, title, now)
        return Outcome(view=modals.declare_view(form, similar))
    if callback not in ("fb_timeline", "fb_task"):
        return Outcome()
    if context.person is None:
        return Outcome(message=reply_blocks.ephemeral(handlers.link_first(context)))
    source = CapturedMessage(
        channel=payload.channel,
        ts=text_at(message, "ts") or text_at(payload.data, "message_ts"),
        author=text_at(message, "user"),
        text=text,
    )
    choices = [] if context.incident else await incident_queries.open_choices(tx, context)
    if context.incident is None and not choices:
        return Outcome(message=reply_blocks.ephemeral(Reply("No incident is open.", done=False)))
    if callback == "fb_task":
        return Outcome(view=task_view(" ".join(text.split())[:TEXT_MAX_CHARS], context.incident, choices))
    return Outcome(view=capture_view(source, context.incident, choices))
