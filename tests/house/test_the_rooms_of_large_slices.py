"""A large slice has rooms: each imports only rooms below it, and only its edges gather from all of them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.house.source import SRC, modules, nodes, parsed


@dataclass(frozen=True)
class LargeSlice:
    """The rooms of a slice and the files beside them, the lowest floor first.

    What shares a floor does not import one another. `edges` are how the names of modules end that serve requests:
    they gather from every room.
    """

    name: str
    floors: tuple[frozenset[str], ...]
    edges: tuple[str, ...]

    def floor(self, room: str) -> int:
        """Return the floor of a room; a file that has none fails the test."""
        floors = [number for number, rooms in enumerate(self.floors) if room in rooms]
        assert floors, f"{self.name}/{room} has no floor"
        return floors[0]

    def is_edge(self, name: str) -> bool:
        """Return True if a module serves requests or gathers for a page."""
        return name.endswith(self.edges)

    def folders(self) -> list[Path]:
        """Return the folders of the rooms."""
        return [path for path in (SRC / self.name).iterdir() if path.is_dir() and path.name[0] != "_"]

    def modules(self) -> Iterator[tuple[str, str, ast.Module]]:
        """Yield the room, the name and the tree of each module."""
        for path, tree in modules():
            parts = path.relative_to(SRC).with_suffix("").parts
            if parts[0] == self.name and parts[-1] != "__init__":
                yield parts[1], parts[-1], tree

    def imports(self, room: str, name: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
        """Yield the room and the module of each import within the slice, such as `("swaps", "covers")`."""
        package = f"firebell.{self.name}"
        for node in nodes(tree):
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            if not isinstance(node, ast.ImportFrom) or not f"{module}.".startswith(f"{package}."):
                continue
            parts = module.split(".")[2:]
            for alias in node.names:
                path = SRC.joinpath(self.name, *parts, alias.name)
                is_module = path.with_suffix(".py").is_file() or path.is_dir()
                inner = [*parts, alias.name] if is_module else parts
                assert inner, f"{self.name}/{room}/{name} imports {self.name} as a whole"
                yield inner[0], inner[-1]


def _floors(*floors: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(floor.split()) for floor in floors)


ONCALL = LargeSlice(
    "oncall",
    _floors(
        "model",
        "interval_limits search_store messages",
        "rota",
        "schedules",
        "swaps calendars",
        "checks notifications",
        "slice",
    ),
    ("web", "api", "schemas", "timeline_context"),
)
INCIDENTS = LargeSlice(
    "incidents",
    _floors(
        "model",
        "severity text_limits channel_names visibility_store",
        "measures",
        "store search_store",
        "lookup",
        "timeline_writer",
        "update_deadlines linked_pages",
        "timeline type_and_visibility",
        "canvas roles severity_changes closing",
        "phases custom_fields",
        "declaring relations customer_reports incident_list",
        "declaration_rules checks",
        "queries service_uses",
        "messages",
        "actions",
        "timers",
        "api web details_web visibility_api",
        "slice",
    ),
    ("web", "api", "part"),
)
POSTMORTEMS = LargeSlice(
    "postmortems",
    _floors(
        "model",
        "document blameless list_position deadlines",
        "drafting text_limits store search_store postmortem_list",
        "open_placeholders lookup guide similar",
        "editing checks reminders withheld_messages",
        "meeting several_incidents near_misses",
        "review external progress reader_feedback",
        "publication export",
        "actions queries",
        "api web",
        "slice",
    ),
    ("web", "api", "part"),
)
PEOPLE = LargeSlice(
    "people",
    _floors(
        "model",
        "permissions validation store contact_method_store search_store submitted_form_store audit_log",
        "action_permissions own_contact_methods notification_rules queries",
        "api_keys teams verification",
        "sessions contact_methods",
        "authentication",
        "route_access session_watch sign_in",
        "unit_of_work actions",
        "api person_web profile_web time_zones_web",
        "slice",
    ),
    ("web", "api"),
)
NOTIFY = LargeSlice(
    "notify",
    _floors(
        "model quiet_hours",
        "live_topics notice_store notification_rules removed_methods retention_store",
        "deliveries messages",
        "composing held_store",
        "receipts retractions",
        "actions",
        "held_messages hourly_limits",
        "page_bundles usage",
        "sender",
        "slice",
    ),
    ("web", "api"),
)
ALERTS = LargeSlice(
    "alerts",
    _floors(
        "flap label_index message_preview related_store retention_store request_parts routing_model time_range",
        "model",
        "bodies cleaning event_placement past_alert_columns",
        "mutes past_alert_store source_base",
        "batches sources",
        "change_events integrations read_store",
        "alert_list expiry flapping routing_rules store",
        "muting",
        "inhibition silences queries service_uses",
        "actions earlier_alerts",
        "ingest notifications timers",
        "api web",
        "slice",
    ),
    ("web", "api"),
)
PAGING = LargeSlice(
    "paging",
    _floors(
        "level_conditions live_topics alert_design snooze_times actionable_vote_store retention_store",
        "model",
        "escalation store search_store",
        "log_writer night_limit page_list policies offline_checks single_use_store",
        "ack_warnings",
        "page_steps reach_queries service_uses",
        "acknowledgment",
        "manual_pages timers",
        "actions messages",
        "actionable_votes bulk_actions offline_actions queries retractions",
        "api web",
        "slice",
    ),
    ("web", "api"),
)
CHAT = LargeSlice(
    "chat",
    _floors(
        "model facts users intents retention_store",
        "adapter_base store",
        "received discord google_chat service_uses",
        "linked_users mirror",
        "accounts handlers",
        "slack mattermost microsoft_teams",
        "open_adapter token_check doctor_checks",
        "mirror_worker",
        "api web",
        "slice",
    ),
    ("web", "api", "part"),
)
SUBSCRIBERS = LargeSlice(
    "subscribers",
    _floors(
        "model",
        "addresses store subscription_rules",
        "deliveries",
        "subscribing",
        "messages",
        "broadcasts",
        "sending actions queries",
        "mail_events sms_events",
        "retention_store",
        "api web",
        "slice",
    ),
    ("web", "api"),
)
METRICS = LargeSlice(
    "metrics",
    _floors(
        "windows definition_history money process_checks statistics learning_loop",
        "model definitions cost_rate incident_checks",
        "dimensions presentation",
        "figures",
        "facts team_rates export",
        "business_impact queries",
        "explore filter_values home_figures review",
        "api web explore_web",
        "slice",
    ),
    ("web", "api"),
)
SERVICE_OVERVIEW = LargeSlice(
    "service_overview",
    _floors(
        "health figure_store",
        "state_queries",
        "service_list",
        "dependencies queries",
        "service_map service_files",
        "api web edit_web runbook_choice_web",
        "slice",
    ),
    ("web", "api", "parts"),
)
WEBHOOKS = LargeSlice(
    "webhooks",
    _floors(
        "model event_types",
        "circuit change_store events",
        "endpoint_store recording",
        "deliveries service_uses",
        "actions",
        "queries",
        "doctor_checks",
        "api web openapi",
        "slice",
    ),
    ("web", "api"),
)
AUDIENCES = LargeSlice(
    "audiences",
    _floors(
        "webhooks",
        "model",
        "clocks customer_store",
        "incident_audiences service_uses store",
        "process_checks settings",
        "posts queries",
        "customers reminding",
        "actions timers",
        "api web incident_part",
        "slice",
    ),
    ("web", "api", "part"),
)
ACTION_ITEMS = LargeSlice(
    "action_items",
    _floors(
        "model text_limits",
        "completion_rate rules store working_days",
        "list_store lookup reminder_times search_store settings validation",
        "change_effects form_values process_checks",
        "notifying",
        "prevention_questions timers",
        "queries",
        "actions list_address",
        "trackers",
        "api completion_api web incident_part",
        "slice",
    ),
    ("web", "api", "part"),
)
STATUS_PAGES = LargeSlice(
    "status_pages",
    _floors(
        "model",
        "derived_status impact relabeling_model stages store stored_effects suggested_names text_limits",
        "declaration_hints lookup published_log relabeling_store",
        "incident_store signing",
        "maintenance_windows published_log_writer",
        "service_uses snapshot",
        "archive",
        "uptime",
        "view",
        "public",
        "queries",
        "announcements hosting past_status reminders",
        "part_translations publishing truthfulness",
        "actions maintenance",
        "api incident_part web",
        "slice",
    ),
    ("web", "api", "part"),
)
REGULATORY = LargeSlice(
    "regulatory",
    _floors(
        "model",
        "due_times regimes store wording",
        "rules",
        "queries",
        "messages reminding",
        "actions timers",
        "drafts",
        "process_checks",
        "api incident_part web",
        "slice",
    ),
    ("web", "api", "part"),
)
ALL = [
    ONCALL,
    INCIDENTS,
    POSTMORTEMS,
    PEOPLE,
    NOTIFY,
    ALERTS,
    PAGING,
    CHAT,
    SUBSCRIBERS,
    METRICS,
    SERVICE_OVERVIEW,
    WEBHOOKS,
    AUDIENCES,
    ACTION_ITEMS,
    STATUS_PAGES,
    REGULATORY,
]
LARGE = pytest.mark.parametrize("large", ALL, ids=lambda large: large.name)
MODULES_PER_FOLDER = 26
"""The most modules directly in a folder; a slice that has more gets rooms."""
LARGE_FOLDERS = {
    "commands": "Each is one command, found by its name.",
    "kit": "Helpers that know no slice; those of db, jobs, mail and web are in folders of their own.",
    "alerts/sources": "Each is one source, found by the name of its tool.",
    "channels": "Most are one channel each.",
    "chat/slack": "Slack asks for more than other chats, and its parts need one another.",
    "demo": "No slice: it writes the year of the demo, and nothing imports it.",
    "action_items/trackers": "Has vendors of its own, but no rooms yet.",
    "status_copies": "Has no rooms yet.",
}
"""The folders that have more modules, each with its reason."""


@LARGE
def test_a_room_imports_only_rooms_below_it(large: LargeSlice) -> None:
    wrong = [
        f"{room}/{name} imports {other}/{module}"
        for room, name, tree in large.modules()
        if not large.is_edge(name)
        for other, module in large.imports(room, name, tree)
        if other != room and large.floor(other) >= large.floor(room)
    ]
    assert wrong == []


@LARGE
def test_only_edges_and_the_declaration_import_edges(large: LargeSlice) -> None:
    wrong = [
        f"{room}/{name} imports {other}/{module}"
        for room, name, tree in large.modules()
        if not large.is_edge(name) and name != "slice"
        for other, module in large.imports(room, name, tree)
        if large.is_edge(module)
    ]
    assert wrong == []


@LARGE
def test_every_folder_of_a_large_slice_is_a_room(large: LargeSlice) -> None:
    known = frozenset().union(*large.floors)
    assert {folder.name for folder in large.folders()} <= known
    assert {room for room, _, _ in large.modules()} == known


@LARGE
def test_a_room_has_nothing_but_its_modules(large: LargeSlice) -> None:
    """What a room offers is imported from the module that has it, which its name lets the rules of the house check."""
    for folder in large.folders():
        (docstring,) = parsed(folder / "__init__.py").body
        assert isinstance(docstring, ast.Expr), folder


def test_a_folder_with_more_modules_than_one_can_look_over_has_rooms() -> None:
    sizes: dict[str, int] = {}
    for path, _ in modules():
        if path.stem != "__init__":
            folder = str(path.parent.relative_to(SRC))
            sizes[folder] = sizes.get(folder, 0) + 1
    assert {folder for folder, size in sizes.items() if size > MODULES_PER_FOLDER} == set(LARGE_FOLDERS)
