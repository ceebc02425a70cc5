"""The answers to unknown commands, and the help (pure)."""

from firebell.chat.intents import commands
from firebell.chat.intents.command_texts import render
from firebell.chat.intents.model import Intent, OpenModal, ShowHelp, Usage
from firebell.chat.intents.reply_model import Reply, ReplyButton

_INCIDENT_HELP = (
    ("declare", "declare [sev1] title", "Declare an incident."),
    ("update", "update text", "Post an update to the timeline and the announcement."),
    ("public", "public text", "Publish an update on status pages. Undo: unpublish."),
    ("note", "note text", "Add a note. Also: finding, decision, mitigation."),
    ("severity", "severity sev1 [because reason]", "Change the severity."),
    ("role", "role ic @someone", "Assign a role: ic, comms, sme, scribe. Also: take ic, drop ic."),
    ("page", "page @someone text", "Page a person, team or schedule for this incident."),
    (
        "task",
        "task text @someone due 2h",
        "Add a task. Also: task done 3, task assign 3 @someone, task move 3.",
    ),
    ("tasks", "tasks", "List the tasks."),
    ("private", "private [title]", "Declare an incident that only those involved see."),
    ("resolve", "resolve [text]", "The impact has ended. Also: close, reopen, dismiss reason."),
    ("status", "status", "Show the status. Also: summary, list, join."),
    ("link", "link", "Link your chat account to your Firebell account."),
)
_PAGE_HELP = (
    ("ack", "ack [PG-7]", "Acknowledge a page."),
    ("list", "list [mine]", "List open pages."),
    ("resolve", "resolve [PG-7] [text]", "Resolve a page. Also: escalate."),
    ("snooze", "snooze [PG-7] 30m", "Snooze a page."),
    ("note", "note [PG-7] text", "Add a note to a page."),
    ("who", "who [slug]", "Show who is on call."),
    ("page", "payments text", "Page a team, schedule, service or @someone."),
)
_HELP = {commands.INCIDENT: _INCIDENT_HELP, commands.PAGE: _PAGE_HELP}
_REASONS = {
    "which": "Which incident? Start with its number, such as INC-7.",
    "severity": "“{word}” is not a severity. Use sev0, sev1, sev2 or sev3.",
    "role": "“{word}” is not a role. Use ic, comms, sme, scribe or responder.",
    "who": "Mention one person with @.",
    "extra": "“{word}” is too much here.",
    "page": "“{word}” is not one page. Use a number such as PG-7.",
    "verb": "What should happen with {word}? Use ack, resolve, escalate, snooze or note.",
    "how-long": "For how long? Use 30m or 2h, at most 24h.",
    "text": "Enter the text of the note.",
    "public-text": "Enter what customers should know.",
    "unknown": "“{word}” is not a command.",
}


def help_for(intent: ShowHelp, names: dict[str, str]) -> Reply:
    """Return the help of a command: all of it, or the lines of one verb."""
    name = names[intent.command]
    rows = _HELP[intent.command]
    chosen = [row for row in rows if row[0] == intent.verb.casefold()] or rows
    lines = [f"{name} {usage}\n      {meaning}" for _, usage, meaning in chosen]
    return Reply("\n".join(lines))


def answer(usage: Usage, command: str, room: int | None, suggestions: tuple[Intent, ...] = ()) -> Reply:
    """Return what is wrong, with a button for each verb that may be meant and for each suggestion."""
    text = _REASONS[usage.reason].format(word=commands.plain(usage.word)[:80])
    likely = [
        intent
        for verb in usage.near
        for intent in [commands.parse(command, f"{verb} {usage.rest}", room)]
        if not isinstance(intent, Usage | OpenModal)
    ]
    buttons = [ReplyButton(_label(intent), intent) for intent in (*likely, *suggestions)]
    if usage.reason == "which":
        buttons.append(ReplyButton("Declare an incident", OpenModal("declare")))
    if usage.near and not likely:
        text = f"{text} Did you mean {' or '.join(usage.near)}?"
    buttons.append(ReplyButton("Help", ShowHelp(command)))
    return Reply(text, tuple(buttons), done=False)


def _label(intent: Intent) -> str:
    text = commands.plain(render(intent)[1])
    return f"Run {text[:40]}"
