"""`firebell tracker`: connect issue trackers with action items, check them, and sync them."""

import sys
from collections.abc import Callable
from typing import Any, TextIO

import click

from firebell.commands.client import call
from firebell.commands.output import as_json, example, fail, pairs, short, show, show_table
from firebell.commands.people import person_id_of
from firebell.kit.text import plural

_KINDS = click.Choice(["github", "gitlab", "jira_cloud", "jira_data_center", "linear"])
_STATES = {
    "off": "off",
    "unauthorized": "not authorized yet",
    "stopped": "stopped",
    "failing": "does not answer",
    "waiting": "not synced yet",
    "late": "late",
    "ok": "in sync",
}
_APPS = {"app": "as the GitHub App", "oauth": "by the OAuth app"}
_MARKS = {"ok": "ok  ", "warn": "warn", "late": "FAIL"}


def _address(number: int, suffix: str = "") -> str:
    return f"/api/v1/trackers/{number}{suffix}"


def _pairs(values: tuple[str, ...], option: str) -> dict[str, str]:
    return pairs(values, "NAME=VALUE", f"{option} due=out")


def _secret(given: str | None, label: str = "Token") -> str:
    """Return the secret of an option, or read it from a prompt or the input, so that it is in no history."""
    if given and given != "-":
        return given
    if given == "-" or not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(click.prompt(label, hide_input=True, err=True))


_SIGN_IN = (
    click.option("--token", help="The access token; `-` reads it from the input. Without it, you are asked."),
    click.option("--app", metavar="CLIENT_ID", help="Sign in as a GitHub App."),
    click.option(
        "--private-key",
        type=click.File(),
        metavar="FILE",
        help="The private key of the app; `-` is the input.",
    ),
    click.option("--oauth", metavar="CLIENT_ID", help="Sign in by OAuth (Jira Cloud and Linear)."),
    click.option("--client-secret", help="That of the OAuth app; `-` reads it. Without it, you are asked."),
)


def _with_sign_in(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of how Firebell signs in."""
    for option in reversed(_SIGN_IN):
        command = option(command)
    return command


def _credentials(
    token: str | None,
    app: str | None,
    private_key: TextIO | None,
    oauth: str | None,
    client_secret: str | None,
) -> dict[str, str]:
    """Return the credentials that the options name; ask for the secret that is missing."""
    if (app and oauth) or (token and (app or oauth)):
        fail("Use one of --token, --app and --oauth.")
    if app:
        if private_key is None:
            fail("--app needs --private-key.", "Example: --app Iv23li… --private-key app.pem")
        return {"auth": "app", "client_id": app, "private_key": private_key.read()}
    if oauth:
        secret = _secret(client_secret, "Client secret")
        return {"auth": "oauth", "client_id": oauth, "client_secret": secret}
    return {"auth": "token", "token": _secret(token)}


def _links(tracker: dict[str, Any]) -> str:
    counts = ", ".join(f"{number} {state}" for state, number in tracker["links"].items())
    return counts or "no links"


@click.group("tracker")
def tracker() -> None:
    """Connect issue trackers, check them, and sync action items."""


@tracker.command("list", epilog=example("firebell tracker list"))
@as_json
def list_() -> None:
    """List trackers with the health of their sync."""
    trackers = call("GET", "/api/v1/trackers")
    rows = [
        (str(t["id"]), t["name"], t["kind"], _STATES[t["state"]], _links(t), short(t["last_ok_at"]))
        for t in trackers
    ]
    head = ("ID", "NAME", "KIND", "STATE", "LINKS", "LAST SYNC")
    show_table(trackers, head, rows, wide=1, empty="No trackers.")


@tracker.command(
    "add",
    epilog=example(
        "firebell tracker add github acme/shop",
        "firebell tracker add jira_cloud PAY --url https://acme.atlassian.net --login bot@acme.example",
        "firebell tracker add github acme/shop --app Iv23liExample --private-key app.pem",
    ),
)
@click.argument("kind", type=_KINDS)
@click.argument("target")
@_with_sign_in
@click.option("--name", default="", help="Default: the kind and the target.")
@click.option("--url", default="", help="The address of the installation, if it is not the usual one.")
@click.option("--login", default="", help="The email address of the token's owner, for Jira Cloud.")
@click.option("--private", is_flag=True, help="Items of private incidents may be synced.")
@click.option("--link-new", "links_new", is_flag=True, help="Create an issue for each new action item.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="A setting of its kind.")
@click.option(
    "--direction", "directions", multiple=True, metavar="FIELD=both|out|in|off", help="Default: both."
)
@as_json
def add(
    token: str | None,
    app: str | None,
    private_key: TextIO | None,
    oauth: str | None,
    client_secret: str | None,
    options: tuple[str, ...],
    directions: tuple[str, ...],
    **values: Any,
) -> None:
    """Add a tracker of KIND; TARGET is the repository, the project or the team there."""
    more = {"options": _pairs(options, "--option"), "directions": _pairs(directions, "--direction")}
    entered = _credentials(token, app, private_key, oauth, client_secret)
    added = call("POST", "/api/v1/trackers", {**values, **more, **entered})
    number = added["id"]
    next_step = (
        f"Authorize it: firebell tracker authorize {number}"
        if added["state"] == "unauthorized"
        else f"Check it: firebell tracker check {number}"
    )
    text = f"Tracker {number}: {added['name']}. {next_step}"
    show(added, text)


@tracker.command("show", epilog=example("firebell tracker show 1"))
@click.argument("number", type=click.IntRange(1))
@as_json
def show_(number: int) -> None:
    """Show tracker NUMBER."""
    t = call("GET", _address(number))
    directions = ", ".join(f"{field} {direction}" for field, direction in t["directions"].items())
    lines = [
        f"{t['name']}: {_STATES[t['state']]}",
        f"  {t['kind']} {t['target']} at {t['url']}",
        f"  {_links(t)}",
        f"  last sync {short(t['last_ok_at'])}, last webhook {short(t['last_hook_at'])}",
        f"  {directions}",
    ]
    lines += [f"  {_APPS[t['auth']]} {t['client_id']}"] if t["client_id"] else []
    ends = t["authorization_ends_at"]
    lines += [f"  authorized {short(t['authorized_at'])}, until {short(ends)}"] if ends else []
    lines += [f"  stopped: {t['reason']}"] if t["state"] == "stopped" else []
    lines += [f"  last error: {t['last_error']}"] if t["last_error"] else []
    show(t, "\n".join(lines))


@tracker.command("check", epilog=example("firebell tracker check 1", "firebell tracker check 1 --dry-run"))
@click.argument("number", type=click.IntRange(1))
@click.option("--dry-run", is_flag=True, help="Show what a sync would change now, and change nothing.")
@click.option("--send-test", is_flag=True, help="Create an issue there, and close it.")
@as_json
def check(number: int, dry_run: bool, send_test: bool) -> None:
    """Check the connection to tracker NUMBER; exit with 1 if something does not work."""
    checks = call("POST", _address(number, "/check"))
    lines = [f"{_MARKS[each['level']]}  {each['text']}" for each in checks]
    value: dict[str, Any] = {"checks": checks}
    works = all(each["level"] != "late" for each in checks)
    if works and send_test:
        value["test"] = call("POST", _address(number, "/test"))
        lines.append(f"ok    Created and closed {value['test']['url']}")
    if works and dry_run:
        value["dry_run"] = call("POST", _address(number, "/dry-run"))
        lines += [
            f"{c['item']} {c['issue']}: {c['field']} here {c['here'] or '-'}, there {c['there'] or '-'};"
            f" would change {'the item' if c['to'] == 'here' else 'the issue'}"
            for c in value["dry_run"]["changes"]
        ] or [f"A sync of {plural(value['dry_run']['links'], 'link')} would change nothing."]
        lines += value["dry_run"]["problems"]
    show(value, "\n".join(lines))
    if not works:
        sys.exit(1)


@tracker.command("sync", epilog=example("firebell tracker sync 1"))
@click.argument("number", type=click.IntRange(1))
@as_json
def sync(number: int) -> None:
    """Sync all links of tracker NUMBER now."""
    synced = call("POST", _address(number, "/sync"))
    show(synced, f"Syncing {synced['name']}: {_links(synced)}.")


@tracker.command(
    "set",
    epilog=example("firebell tracker set 1 --direction due=out", "firebell tracker set 1 --disable"),
)
@click.argument("number", type=click.IntRange(1))
@click.option("--name")
@click.option("--enable/--disable", "enabled", default=None, help="Switch the sync on or off.")
@click.option("--private/--not-private", "private", default=None)
@click.option("--link-new/--no-link-new", "links_new", default=None)
@click.option("--direction", "directions", multiple=True, metavar="FIELD=both|out|in|off")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE")
@as_json
def set_(number: int, directions: tuple[str, ...], options: tuple[str, ...], **values: Any) -> None:
    """Change the settings of tracker NUMBER."""
    body = {name: value for name, value in values.items() if value is not None}
    if directions or options:
        current = call("GET", _address(number))
        if directions:
            body["directions"] = {**current["directions"], **_pairs(directions, "--direction")}
        if options:
            body["options"] = {**current["options"], **_pairs(options, "--option")}
    changed = call("PATCH", _address(number), body)
    show(changed, f"{changed['name']}: {_STATES[changed['state']]}")


@tracker.command("token", epilog=example("firebell tracker token 1"))
@click.argument("number", type=click.IntRange(1))
@click.option("--token", help="`-` reads it from the input. Without it, you are asked.")
@as_json
def token(number: int, token: str | None) -> None:
    """Replace the token of tracker NUMBER, and resume its sync if the old one was refused."""
    call("PUT", _address(number, "/token"), {"token": _secret(token)})
    show({"id": number}, "Token saved.")


@tracker.command(
    "credentials",
    epilog=example(
        "firebell tracker credentials 1 --app Iv23liExample --private-key app.pem",
        "firebell tracker credentials 2 --oauth 4fExample",
    ),
)
@click.argument("number", type=click.IntRange(1))
@_with_sign_in
@click.option("--login", default="", help="The email address of the token's owner, for Jira Cloud.")
@as_json
def credentials(number: int, login: str, **entered: Any) -> None:
    """Replace how Firebell signs in to tracker NUMBER: by a token, as a GitHub App, or by OAuth."""
    body = {**_credentials(**entered), "login": login}
    changed = call("PUT", _address(number, "/credentials"), body)
    next_step = f" Authorize it: firebell tracker authorize {number}"
    unauthorized = changed["state"] == "unauthorized"
    show(changed, f"{changed['name']}: credentials saved.{next_step if unauthorized else ''}")


@tracker.command("authorize", epilog=example("firebell tracker authorize 2"))
@click.argument("number", type=click.IntRange(1))
@as_json
def authorize(number: int) -> None:
    """Print the address at which you authorize Firebell in tracker NUMBER by OAuth; it works once, for ten minutes."""
    begun = call("POST", _address(number, "/authorization"))
    show(begun, f"Open this in a browser in which you are signed in to Firebell:\n{begun['url']}")


@tracker.command("hook", epilog=example("firebell tracker hook 1"))
@click.argument("number", type=click.IntRange(1))
@click.option("--secret", help="Save the secret that the tracker made, as Linear does.")
@as_json
def hook(number: int, secret: str | None) -> None:
    """Show the address and the secret of the webhook of tracker NUMBER."""
    if secret:
        call("PUT", _address(number, "/hook-secret"), {"secret": secret})
    shown = call("POST", _address(number, "/hook-secret"))
    text = f"Address: {shown['url']}\nSecret: {shown['secret']}\nUnsigned webhooks: {shown['url_with_token']}"
    show(shown, text)


@tracker.command("person", epilog=example("firebell tracker person 1 jun@example.org octojun"))
@click.argument("number", type=click.IntRange(1))
@click.argument("person")
@click.argument("handle", default="")
@as_json
def person(number: int, person: str, handle: str) -> None:
    """Map PERSON, an email address or an id, to HANDLE in tracker NUMBER; without HANDLE, unmap them."""
    person_id = person_id_of(person)
    call("PUT", _address(number, f"/users/{person_id}"), {"handle": handle})
    show({"person_id": person_id, "handle": handle}, f"{person} is {handle or 'no known user'}.")


@tracker.command("remove", epilog=example("firebell tracker remove 1 --yes"))
@click.argument("number", type=click.IntRange(1))
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def remove(number: int, yes: bool) -> None:
    """Remove tracker NUMBER with its links; its issues and the items stay."""
    t = call("GET", _address(number))
    if not yes and not click.confirm(f"Remove {t['name']} with {_links(t)}?", err=True):
        fail("Nothing was removed.")
    call("DELETE", _address(number))
    show({"id": number}, f"{t['name']} removed. Its issues stay as they are.")
