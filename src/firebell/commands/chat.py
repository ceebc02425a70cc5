"""`firebell chat`: connected chats, the Slack manifest, and what could not be sent."""

import json
from datetime import timedelta

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, echo, example, fail, show, show_table
from firebell.kit.durations import duration

OK, PROBLEM = "ok", "fail"


@click.group()
def chat() -> None:
    """Show connected chats, print the Slack manifest, and retry what could not be sent."""


@chat.command("list", epilog=example("firebell chat list"))
@as_json
def list_() -> None:
    """List the connected chats with their health."""
    chats = call("GET", "/api/v1/chats")
    lines = [
        [
            str(c["id"]),
            c["kind"],
            c["name"],
            "paused" if c["paused"] else c["state"],
            str(c["waiting"]),
            str(c["dead"]),
            str(sum(c["calls_24h"].values())),
            str(c["calls_24h"]["limited"]),
            c["reason"],
        ]
        for c in chats
    ]
    head = ("ID", "CHAT", "WORKSPACE", "STATE", "WAITING", "NOT SENT", "CALLS 24H", "TOO FAST", "REASON")
    show_table(chats, head, lines, wide=8, empty="No chat is connected. Connect one at /settings/chat.")


@chat.command("manifest", epilog=example("firebell chat manifest", "firebell chat manifest --socket"))
@click.option("--socket", is_flag=True, help="For Socket Mode, if Slack cannot reach your server.")
def manifest(socket: bool) -> None:
    """Print the manifest from which you create the Slack app."""
    document = call("GET", "/api/v1/chats/slack/manifest", **({"socket": "true"} if socket else {}))
    echo(json.dumps(document, indent=2, ensure_ascii=False))


@chat.command("dead", epilog=example("firebell chat dead"))
@as_json
def dead() -> None:
    """List the messages that could not be sent."""
    letters = call("GET", "/api/v1/chats/dead")
    lines = [[str(each["account_id"]), each["key"], each["dead_at"], each["error"]] for each in letters]
    head = ("CHAT", "MESSAGE", "SINCE", "ERROR")
    show_table(letters, head, lines, wide=3, empty="Everything was sent.")


def _dead_path(account_id: int, key: str, verb: str) -> str:
    return f"/api/v1/chats/{account_id}/dead/{'/'.join(seg(part) for part in key.split('/'))}/{verb}"


@chat.command("retry", epilog=example("firebell chat retry 1 inc-7/e-12"))
@click.argument("account_id", metavar="CHAT", type=int)
@click.argument("key", metavar="MESSAGE")
@as_json
def retry(account_id: int, key: str) -> None:
    """Send a MESSAGE again that could not be sent."""
    call("POST", _dead_path(account_id, key, "retry"))
    show({"key": key}, f"{key} is sent again.")


@chat.command("drop", epilog=example("firebell chat drop 1 inc-7/e-12"))
@click.argument("account_id", metavar="CHAT", type=int)
@click.argument("key", metavar="MESSAGE")
@as_json
def drop(account_id: int, key: str) -> None:
    """Drop a MESSAGE that could not be sent."""
    call("POST", _dead_path(account_id, key, "drop"))
    show({"key": key}, f"{key} was dropped.")


@chat.command("test", epilog=example("firebell chat test 1 C024BE91L"))
@click.argument("account_id", metavar="CHAT", type=int)
@click.argument("channel", metavar="CHANNEL")
@as_json
def test(account_id: int, channel: str) -> None:
    """Send a test message to a Slack CHANNEL; its button tests that Slack reaches Firebell."""
    call("POST", f"/api/v1/chats/{account_id}/test", body={"channel": channel})
    show({"channel": channel}, "Test message sent. Press its button in Slack.")


@chat.command("doctor", epilog=example("firebell chat doctor"))
@as_json
def doctor() -> None:
    """Check every connected chat: its token, its scopes, what waits and what could not be sent."""
    findings = []
    for each in call("GET", "/api/v1/chats"):
        name = f"{each['kind']}, {each['name']}"
        if each["state"] == "broken":
            findings.append((PROBLEM, name, f"The token is refused: {each['reason']}. Paste a new one."))
        elif each["paused"]:
            findings.append(("warn", name, "It is paused, so nothing reaches it."))
        if each["waiting_s"] > 60:
            findings.append(
                (
                    "warn",
                    name,
                    f"{each['waiting']} waiting, the oldest for {duration(timedelta(seconds=each['waiting_s']))}.",
                )
            )
        if each["socket_error"]:
            findings.append((PROBLEM, name, f"Socket Mode is not connected: {each['socket_error']}."))
        if each["unlinked_users"]:
            findings.append(("warn", name, f"{each['unlinked_users']} users acted without a link."))
        findings += [("warn", name, f"The scope {scope} is missing.") for scope in each["missing_scopes"]]
        if each["dead"]:
            findings.append((PROBLEM, name, f"{each['dead']} not sent. See 'firebell chat dead'."))
        if not any(chat == name for _, chat, _ in findings):
            findings.append((OK, name, "It works."))
    rows = [{"level": level, "chat": name, "text": text} for level, name, text in findings]
    show_table(
        rows,
        ("", "CHAT", "FINDING"),
        [list(finding) for finding in findings],
        wide=2,
        empty="No chat is connected. Connect one at /settings/chat.",
    )
    if any(level == PROBLEM for level, _, _ in findings):
        fail("A chat needs attention.", "Fix it at /settings/chat.", 1)
