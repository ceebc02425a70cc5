"""`firebell maintenance`: schedule maintenance on a status page, and run it."""

import sys
from typing import Any

import click

from firebell.commands.client import call, call_first, seg
from firebell.commands.output import as_json, example, instant, local, show, show_table

Fields = dict[str, Any]


@click.group()
def maintenance() -> None:
    """Schedule maintenance on a status page, and run it."""


def _path(slug: str, id_: str = "", change: str = "") -> str:
    parts = [f"/api/v1/status-pages/{seg(slug)}/maintenance", *([seg(id_)] if id_ else [])]
    return "/".join([*parts, *([change] if change else [])])


def _text(body: str | None) -> Fields:
    return {} if body is None else {"body": sys.stdin.read() if body == "-" else body}


def _show(window: Fields) -> None:
    muting = window["muting"]
    lines = [
        f"{window['id']}: {window['stage'].replace('_', ' ')}, {local(window['scheduled_for'])} to"
        f" {local(window['scheduled_until'])}",
        *(f"{each['code']}: {each['message']} {each['advice']}" for each in window["findings"]),
        *(
            [f"Mutes alerts{' that match ' + muting['matchers'] if muting['matchers'] else ''}."]
            if muting
            else []
        ),
    ]
    show(window, "\n".join(lines))


BODY = click.option("--body", help="What customers should know; - is standard input.")


@maintenance.command("list", epilog=example("firebell maintenance list kestrel"))
@click.argument("slug")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def list_(slug: str, limit: int) -> None:
    """List the maintenance of a status page, the last published first."""
    windows = call_first(_path(slug), limit)
    rows = [
        [
            window["id"],
            window["stage"].replace("_", " "),
            local(window["scheduled_for"]),
            local(window["scheduled_until"]),
            window["name"],
        ]
        for window in windows
    ]
    show_table(windows, ("ID", "STAGE", "START", "END", "NAME"), rows, wide=4, empty="No maintenance.")


@maintenance.command("show", epilog=example("firebell maintenance show kestrel h2k9w3c7x1ab"))
@click.argument("slug")
@click.argument("id_", metavar="ID")
@as_json
def show_(slug: str, id_: str) -> None:
    """Show maintenance: its stage and times, and what is wrong with it."""
    _show(call("GET", _path(slug, id_)))


@maintenance.command(
    epilog=example(
        "firebell maintenance schedule kestrel 'Database upgrade' --component 3 \\",
        "    --start '2026-11-29 02:00' --end '2026-11-29 04:00' \\",
        "    --body 'Checkout may pause for up to 10 minutes.'",
    )
)
@click.argument("slug")
@click.argument("name")
@click.option("--body", required=True, help="What customers should know; - is standard input.")
@click.option("--component", type=int, multiple=True, required=True, help="The id of a component it affects.")
@click.option("--start", help="When it starts. Default: now.")
@click.option("--end", required=True, help="When it ends.")
@click.option("--rule", default="", help="An RRULE for windows that repeat, such as FREQ=WEEKLY;BYDAY=SU.")
@click.option("--manual-start", is_flag=True, help="Don't start it automatically.")
@click.option("--manual-end", is_flag=True, help="Don't end it automatically.")
@click.option(
    "--remind", type=int, multiple=True, help="Minutes before the start; 10080, 1440, 60 by default."
)
@click.option("--mute", is_flag=True, help="Mute the alerts of its services while it is in progress.")
@click.option(
    "--mute-service", type=int, multiple=True, help="The id of a service to mute instead of those it affects."
)
@click.option("--mute-matchers", default="", help='Mute only alerts such as {severity="warning"}.')
@as_json
def schedule(
    slug: str,
    name: str,
    body: str,
    component: tuple[int, ...],
    start: str | None,
    end: str,
    rule: str,
    manual_start: bool,
    manual_end: bool,
    remind: tuple[int, ...],
    mute: bool,
    mute_service: tuple[int, ...],
    mute_matchers: str,
) -> None:
    """Schedule maintenance called NAME on a status page, or start it now."""
    fields = {
        "name": name,
        **_text(body),
        "component_ids": list(component),
        "scheduled_for": instant(start, "--start") if start else None,
        "scheduled_until": instant(end, "--end"),
        "rule": rule,
        "auto_start": not manual_start,
        "auto_end": not manual_end,
        **({"reminders": list(remind)} if remind else {}),
        **(
            {"muting": {"service_ids": list(mute_service), "matchers": mute_matchers}}
            if mute or mute_service or mute_matchers
            else {}
        ),
    }
    _show(call("POST", _path(slug), fields))


def _change(name: str, help_text: str) -> None:
    """Add the command of a change that needs only a text."""

    @maintenance.command(
        name, help=help_text, epilog=example(f"firebell maintenance {name} kestrel h2k9w3c7x1ab")
    )
    @click.argument("slug")
    @click.argument("id_", metavar="ID")
    @BODY
    @as_json
    def command(slug: str, id_: str, body: str | None) -> None:
        _show(call("POST", _path(slug, id_, name), _text(body)))


_change("start", "Start maintenance now.")
_change("verify", "Say that the work is done and is being checked.")
_change("complete", "Complete maintenance; while an alert fires, it is verified first.")
_change("cancel", "Cancel maintenance, or end it early.")


@maintenance.command(
    epilog=example("firebell maintenance extend kestrel h2k9w3c7x1ab --end '2026-11-29 05:00'")
)
@click.argument("slug")
@click.argument("id_", metavar="ID")
@click.option("--end", required=True, help="When it ends instead.")
@BODY
@as_json
def extend(slug: str, id_: str, end: str, body: str | None) -> None:
    """Change when maintenance ends."""
    _show(call("POST", _path(slug, id_, "extend"), {"scheduled_until": instant(end, "--end"), **_text(body)}))


@maintenance.command(
    epilog=example(
        "firebell maintenance postpone kestrel h2k9w3c7x1ab --start '2026-12-06 02:00' --end '2026-12-06 04:00'"
    )
)
@click.argument("slug")
@click.argument("id_", metavar="ID")
@click.option("--start", required=True, help="When it starts instead.")
@click.option("--end", required=True, help="When it ends instead.")
@BODY
@as_json
def postpone(slug: str, id_: str, start: str, end: str, body: str | None) -> None:
    """Move maintenance that has not started."""
    times = {"scheduled_for": instant(start, "--start"), "scheduled_until": instant(end, "--end")}
    _show(call("POST", _path(slug, id_, "postpone"), {**times, **_text(body)}))


@maintenance.command(
    epilog=example("firebell maintenance update kestrel h2k9w3c7x1ab --body 'Half is done.'")
)
@click.argument("slug")
@click.argument("id_", metavar="ID")
@click.option("--body", required=True, help="What customers should know; - is standard input.")
@as_json
def update(slug: str, id_: str, body: str) -> None:
    """Publish an update of maintenance."""
    _show(call("POST", _path(slug, id_, "updates"), _text(body)))


@maintenance.command("muted", epilog=example("firebell maintenance muted kestrel h2k9w3c7x1ab"))
@click.argument("slug")
@click.argument("id_", metavar="ID")
@as_json
def muted(slug: str, id_: str) -> None:
    """List the newest alerts that maintenance muted, firing or not."""
    alerts = call("GET", _path(slug, id_, "muted-alerts"))
    rows = [
        [str(alert["id"]), alert["status"], alert["service"], local(alert["starts_at"]), alert["title"]]
        for alert in alerts
    ]
    show_table(alerts, ("ID", "STATUS", "SERVICE", "SINCE", "TITLE"), rows, wide=4, empty="No muted alerts.")


@maintenance.command("stop-muting", epilog=example("firebell maintenance stop-muting kestrel h2k9w3c7x1ab"))
@click.argument("slug")
@click.argument("id_", metavar="ID")
@as_json
def stop_muting(slug: str, id_: str) -> None:
    """Stop muting alerts during maintenance; those still firing will page."""
    _show(call("POST", _path(slug, id_, "stop-muting")))


@maintenance.command(
    epilog=example(
        "firebell maintenance translate kestrel h2k9w3c7x1ab 1 de --body 'Die Kasse kann kurz ausfallen.'"
    )
)
@click.argument("slug")
@click.argument("id_", metavar="ID")
@click.argument("update", type=click.IntRange(min=1))
@click.argument("language")
@click.option("--body", required=True, help="The text in this language; - is standard input.")
@as_json
def translate(slug: str, id_: str, update: int, language: str, body: str) -> None:
    """Publish the text of UPDATE 1, 2 ... in another LANGUAGE of the page. No one is notified."""
    path = _path(slug, id_, f"updates/{update}/translations/{seg(language)}")
    _show(call("PUT", path, _text(body)))


@maintenance.command(
    epilog=example("firebell maintenance retract kestrel h2k9w3c7x1ab 1 --reason 'It named a customer.'")
)
@click.argument("slug")
@click.argument("id_", metavar="ID")
@click.argument("update", type=click.IntRange(min=1))
@click.option("--reason", required=True, help="What readers see instead; without the text.")
@as_json
def retract(slug: str, id_: str, update: int, reason: str) -> None:
    """Erase the text of UPDATE 1, 2 ... everywhere; the log keeps its hash. It stays erased."""
    _show(call("POST", _path(slug, id_, f"updates/{update}/retract"), {"reason": reason}))


@maintenance.command(
    "stop-repeating", epilog=example("firebell maintenance stop-repeating kestrel h2k9w3c7x1ab")
)
@click.argument("slug")
@click.argument("id_", metavar="ID")
@as_json
def stop_repeating(slug: str, id_: str) -> None:
    """Cancel the windows of repeating maintenance that have not started."""
    answer = call("POST", _path(slug, id_, "stop-repeating"))
    show(answer, f"Canceled {answer['cancelled']} windows.")
