"""The rules of docs/house.md, read off the source itself."""

import ast
import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from firebell.channels import registry
from firebell.kit.db import migrate
from tests.house.source import ROOT, SLICES, SRC, TEMPLATES, modules, nodes, parsed

ROOMS = (
    *("oncall/schedules", "oncall/swaps", "oncall/checks", "oncall/calendars"),
    *(
        "status_pages/hosting",
        "status_pages/maintenance",
        "status_pages/maintenance_windows",
        "status_pages/public",
    ),
    "runbooks/runs",
)
"""The rooms of a large slice, each with the public faces of a slice."""

DOCSTRING = re.compile(r'(?:#.*\n|\s)*r?"""(.*?)"""', re.S)


def _is_pure(path: Path) -> bool:
    """Return True if the module's docstring says that it is pure, or its name promises it.

    Parses nothing: each worker asks this of every module while it collects.
    """
    docstring = DOCSTRING.match(path.read_text())
    summary = docstring[1].partition("\n\n")[0] if docstring else ""
    is_source = path.parent == SRC / "alerts" / "sources" and path.name != "__init__.py"
    return bool(re.search(r"\bpure\b", summary)) or path.stem in ("model", "rules") or is_source


PURE = [str(path.relative_to(SRC).with_suffix("")) for path in sorted(SRC.rglob("*.py")) if _is_pure(path)]
IMPURE_MODULES = {
    "asyncio",
    "asyncpg",
    "httpx",
    "logging",
    "os",
    "random",
    "secrets",
    "socket",
    "time",
    "uuid",
}
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter"}


def imports(tree: ast.Module) -> Iterator[str]:
    """Yield every module that is imported, `from` names included where they may be modules."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_the_decisions_of_the_core_are_pure() -> None:
    assert {
        "oncall/rota/shifts",
        "paging/escalation/state_machine",
        "alerts/batches/dedup_and_grouping",
        "incidents/phases/lifecycle",
        "incidents/checks/process_checks",
    } <= set(PURE)


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_asks_no_clock_no_dice_and_no_network(name: str) -> None:
    module = parsed(SRC / f"{name}.py")
    imported = set(imports(module))
    assert not {each.partition(".")[0] for each in imported} & IMPURE_MODULES
    assert not {f for f in imported if f.endswith((".store", "_store", ".actions", "kit.db"))}
    waits = (ast.Await, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith)
    assert not [node for node in nodes(module) if isinstance(node, waits)]
    calls = [
        n.func.attr for n in nodes(module) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
    ]
    assert not CLOCKS & set(calls)


def test_no_sql_of_the_domain_asks_the_databases_clock() -> None:
    clock = re.compile(r"\b(now\(\)|current_timestamp|current_date|clock_timestamp|localtimestamp)", re.I)
    for path, tree in modules():
        if path.name in ("migrate.py", "database_clock.py") or "commands" in path.parts:
            continue
        texts = [n.value for n in nodes(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        assert not [w for w in texts if clock.search(w) and "select" in w.lower()], path


def test_only_the_edges_ask_a_clock() -> None:
    edges = {"kit/clock.py", "kit/log.py", "commands"}
    for path, tree in modules():
        name = str(path.relative_to(SRC))
        if name in edges or name.split("/")[0] in edges:
            continue
        clock_readers = [
            ast.unparse(n.func)
            for n in nodes(tree)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in CLOCKS
        ]
        wrong = [call for call in clock_readers if call.startswith(("datetime.", "date.", "time.time"))]
        assert not wrong, f"{name}: {wrong}"


def test_slices_meet_in_model_and_actions_alone() -> None:
    # one answer to who is on call, and one way to fill a template
    allowed = {
        "firebell.people.route_access",
        "firebell.people.authentication",
        "firebell.people.session_watch",
        "firebell.people.sign_in.actions",
        "firebell.people.action_permissions",
        "firebell.people.permissions",
        "firebell.people.unit_of_work",
        "firebell.handbook.templates",
        # the pure limits of alerts, the charsets of senders, and the one lookup of integration keys
        "firebell.alerts.cleaning",
        "firebell.alerts.bodies.decoding",
        "firebell.alerts.ingest.ingest_queue",
        # the pure rule of when a person is notified
        "firebell.notify.notification_rules",
        # the pure rule of what a mitigation says of its effect
        "firebell.incidents.timeline.mitigation_effects",
        # the pure rule of the share that is done in time, and its interval
        "firebell.action_items.completion_rate",
        # the pure rule of how far a runbook is automated
        "firebell.runbooks.automation",
        # the pure rule of what a severity requires
        "firebell.incidents.severity",
        # the pure rule of how long each part of an incident took
        "firebell.incidents.measures",
        # the pure rule of what the channel of an incident is called
        "firebell.incidents.channel_names",
        # the one way to publish, and to import what was published elsewhere, and the pure rule of the next stage
        "firebell.status_pages.publishing.actions",
        "firebell.status_pages.publishing.imported_history",
        "firebell.status_pages.stages",
        # the strings and dates of a status page in its languages, which mails about it are in too
        "firebell.status_pages.public.languages",
        "firebell.oncall.rota",
        # the parts of a service that the API shows in several places
        "firebell.catalog.api_types",
        # what uses a service, as each slice declares it, and the file that describes services
        "firebell.catalog.uses",
        "firebell.catalog.service_import",
        "firebell.catalog.service_file",
        # the pure rule of what lies behind a service
        "firebell.catalog.dependencies",
        # the pure conditions of levels, and the kinds of pages that they are about
        "firebell.paging.level_conditions",
        # the pure times of notification rules, which their owner sees as an example
        "firebell.people.notification_rules.rule_times",
        # the pure checks of what someone chooses about a heartbeat
        "firebell.heartbeats.settings_checks",
        # the pure rules of routing, which are tested, replayed and shown
        "firebell.alerts.past_alert_columns",
        "firebell.alerts.event_placement",
        "firebell.alerts.routing_model",
        "firebell.alerts.routing_rules.changes",
        "firebell.alerts.routing_rules.rules",
        "firebell.alerts.routing_rules.validation",
        # the pure readers of what senders send
        "firebell.alerts.sources",
    }
    for path, tree in modules():
        own = path.relative_to(SRC).parts[0]
        if own not in SLICES:
            continue
        for module in imports(tree):
            parts = module.split(".")
            if parts[0] != "firebell" or len(parts) < 3 or parts[1] == own or parts[1] not in SLICES:
                continue
            if len(parts) == 3 and SRC.joinpath(*parts[1:]).is_dir():
                continue  # a room, which holds only the modules that are imported from it and checked by their names
            if f"{parts[1]}/{parts[2]}" in ROOMS:
                is_face = parts[3] in ("actions", "model", "queries")
                met = ".".join(parts[:4])
            else:
                is_face, met = parts[2] in ("model", "actions"), ".".join(parts[:3])
            # what gathers for a screen, the API or a search may read what other slices gather
            is_face |= parts[2] == "queries" and (
                path.stem.endswith(("web", "api", "queries")) or own == "search"
            )
            # a drill is scored with the checks that other slices declare
            is_face |= parts[2] == "slice" and own == "drills"
            is_allowed = met in allowed or any(f"{module}.".startswith(f"{name}.") for name in allowed)
            assert is_face or is_allowed, f"{path.relative_to(SRC)} imports {module}"


def test_inside_a_slice_the_sql_is_in_the_store_alone() -> None:
    for path, tree in modules():
        if path.relative_to(SRC).parts[0] not in SLICES or path.name.endswith("store.py"):
            continue
        texts = [n.value for n in nodes(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        sql = [w for w in texts if re.match(r"\s*(select|insert into|update \w+ set|delete from)\s", w)]
        assert not sql, f"{path.relative_to(SRC)}: {sql}"


def test_migrations_are_numbered_without_a_hole_and_named() -> None:
    migrations = migrate.available()
    assert [m.version for m in migrations] == list(range(1, len(migrations) + 1))
    for path in (SRC / "migrations").glob("*.sql"):
        assert re.fullmatch(r"\d{3}_[a-z_]+\.sql", path.name)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_no_template_has_inline_style_or_script(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<style|\sstyle\s*=", text)
    assert not re.search(r"\son[a-z]+\s*=", text)
    assert not re.search(r"javascript:", text)
    inert = ("src=", 'type="application/json"')
    assert not [tag for tag in re.findall(r"<script[^>]*>", text) if not any(word in tag for word in inert)]
    assert "|safe" not in text.replace(" ", "")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_a_button_says_create_and_the_heading_of_its_form_new(path: Path) -> None:
    text = path.read_text()
    buttons = re.findall(r'<button\b.*?</button>|<a class="btn\b.*?</a>', text, re.S)
    headings = re.findall(r"<h[12]\b.*?</h[12]>", text, re.S)
    assert not [button for button in buttons if re.search(r"\bNew\b", button)]
    assert not [heading for heading in headings if re.search(r"\bCreate\b", heading)]


def test_no_browser_test_lets_the_page_itself_evaluate_text() -> None:
    # wait_for_function does so from its second look on, and the content security policy forbids it
    tests = [path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)]
    assert not [path.name for path in tests if ".wait_for_function(" in path.read_text()]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_every_static_file_is_requested_under_its_version(path: Path) -> None:
    text = path.read_text()
    assert "/static/" not in text
    for name in re.findall(r"static\(['\"]([^'\"]+)['\"]\)", text):
        assert (SRC / "static" / name).is_file(), name


def test_styles_and_scripts_stay_within_their_budget() -> None:
    def packed(suffix: str, *, only_on: str = "") -> int:
        files = (SRC / "static").rglob(f"*{suffix}")
        pages = (
            *("postmortem", "metrics", "drills", "handbook", "editors", "oncall", "alerts", "runbooks"),
            *("integrations", "action_board", "service_map"),
        )
        return sum(
            len(gzip.compress(p.read_bytes(), 9))
            for p in files
            if (only_on in str(p) if only_on else not any(page in str(p) for page in pages))
        )

    assert packed(".css") <= 16 * 1024
    assert packed(".js") <= 26 * 1024
    # only the handbook loads these
    assert packed(".css", only_on="handbook") <= 1024
    # only drills and readiness load these
    assert packed(".css", only_on="drills") <= 1024
    # only the editor of post-mortems loads these
    assert packed(".css", only_on="postmortem") <= 3 * 1024
    # only the screens of metrics load these
    assert packed(".css", only_on="metrics") <= 2 * 1024
    assert packed(".js", only_on="postmortem") <= 10 * 1024
    # only schedules load these
    assert packed(".css", only_on="oncall") <= 1024
    assert packed(".js", only_on="oncall") <= 1280
    # only the list of alerts and that of silences load these
    assert packed(".css", only_on="alerts") <= 1024
    # only the list of action items loads these
    assert packed(".css", only_on="action_board") <= 512
    # only the setup of an integration loads these
    assert packed(".css", only_on="integrations") <= 512
    # only the map of services loads these
    assert packed(".css", only_on="service_map") <= 512
    # only the run of a runbook loads these
    assert packed(".css", only_on="runbooks") <= 512
    # only the editors of policies and schedules load these
    assert packed(".css", only_on="editors") <= 1536
    assert packed(".js", only_on="editors") <= 1536


def test_every_variable_of_the_environment_is_explained_in_the_docs() -> None:
    text = (SRC / "settings.py").read_text()
    read = set(re.findall(r"get\(\"(\w+)\"", text))
    documented_here = set(re.findall(r'"""([A-Z_]+): ', text))
    assert read == documented_here
    read |= set(registry.settings({}))
    docs = "\n".join(p.read_text() for p in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
    assert not {name for name in read if f"`{name}`" not in docs}


def _is_public(node: ast.AST) -> bool:
    return isinstance(
        node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    ) and not node.name.startswith("_")


def test_public_functions_have_docstrings() -> None:
    silent = []
    for path, tree in modules():
        name = str(path.relative_to(SRC).with_suffix(""))
        kind = name.rpartition("/")[2]
        assert ast.get_docstring(tree), name
        if (
            name in PURE
            or kind.endswith("_actions")
            or kind
            in (
                "actions",
                "timers",
                "links",
                "messages",
                "queries",
                "route_access",
                "action_permissions",
                "authentication",
                "session_watch",
                "ingest_queue",
                "inbound",
                "notification_rules",
            )
        ):
            silent += [f"{name}.{n.name}" for n in tree.body if _is_public(n) and not ast.get_docstring(n)]  # type: ignore[attr-defined, arg-type]

    assert silent == []


def test_loops_that_own_retries_are_the_only_ones_to_catch_everything() -> None:
    # a fault in the reader of a source must open a page, whatever it is
    owners = {
        *(
            "worker.py",
            "notify/sender.py",
            "kit/db/notifier.py",
            "kit/jobs/group_commit.py",
            "kit/threads.py",
        ),
        "alerts/ingest/inbound.py",
        # a routing rule that fails must not lose an alert: the fallback rule pages
        *("alerts/ingest/ingest_queue.py", "alerts/routing_rules/actions.py"),
        # a message that cannot be sent must not end the others of its post
        "audiences/posts/mailer.py",
        "postmortems/publication/mailer.py",
        *(f"subscribers/sending/{channel}_sender.py" for channel in ("mail", "hook", "sms")),
        # a fault is said to the person who waits, and Slack never gets a 500
        "chat/slack/inbound.py",
        # a mail that cannot be stored must not hold up those after it
        "inbound_mail/mailbox_reader.py",
        # readers get the last page that there is, whatever fails, and a request never waits for that
        "status_pages/hosting/edge.py",
        # a frame or a connection that fails must not end the others
        *("chat/slack/socket.py", "chat/slack/inbound_worker.py"),
        # a post or a message that cannot be handled must not hold up those after it
        *("chat/mattermost/post_attempts.py", "chat/slack/sweep.py"),
        # a message that cannot be retracted, and an answer that breaks something, must not hold up the others
        "notify/retractions/retractor.py",
        "replies/answer_fetching.py",
        # whatever a hostile pack provokes in its parser is a failure of its source only
        "runbooks/sources/pack_reader.py",
    }
    for path, tree in modules():
        caught = [
            n
            for n in nodes(tree)
            if isinstance(n, ast.ExceptHandler)
            and (n.type is None or ast.unparse(n.type) in ("Exception", "BaseException"))
            and not any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(n))
        ]
        assert not caught or str(path.relative_to(SRC)) in owners, path


def test_long_running_loops_sleep_and_get_random_numbers_through_their_pace() -> None:
    loops = {
        *("worker.py", "process.py", "health_check.py", "kit/process_health.py"),
        *("kit/jobs/group_commit.py", "kit/jobs/timers.py", "kit/jobs/outbox.py"),
        *("alerts/ingest/ingest_queue.py", "oncall/calendars/fetcher.py"),
    }
    senders = {str(path.relative_to(SRC)) for path, _ in modules() if path.name == "sender.py"}
    assert senders
    # the tick of uvicorn ends connections, which live in real time
    allowed = {"process.py": {"time.monotonic"}}
    direct = re.compile(
        r"random\.(?!Random)\w+|time\.(monotonic|time|perf_counter|sleep)|asyncio\.(sleep|timeout|wait_for)"
        r"|.*loop\(?\)?\.(time|call_later|call_at)"
    )
    for path, tree in modules():
        name = str(path.relative_to(SRC))
        if name not in loops | senders:
            continue
        calls = {ast.unparse(n.func) for n in nodes(tree) if isinstance(n, ast.Call)}
        imported = {
            f"{n.module}.{each.name}"
            for n in nodes(tree)
            if isinstance(n, ast.ImportFrom) and n.module in ("time", "random", "asyncio")
            for each in n.names
        }
        waits = {call for call in calls | imported if direct.fullmatch(call)}
        assert waits <= allowed.get(name, set()), f"{name}: {waits}"


def test_names_say_what_they_hold() -> None:
    """These say only that something happened to a value; `style.md` asks for the field's terms."""
    vague = {"found", "said", "told", "heard"}
    for path, tree in modules():
        for node in nodes(tree):
            match node:
                case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                    pass
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    pass
                case _:
                    continue
            assert name.lstrip("_") not in vague, f"{path}:{node.lineno}: {name}"
