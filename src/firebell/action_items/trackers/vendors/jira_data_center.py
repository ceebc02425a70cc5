"""Jira Data Center 10 and later: REST API v2, issues of one project (spec 11.10)."""

from datetime import timedelta

from firebell.action_items.trackers.jira import OPTIONS, PROJECT_PATTERN, JiraApi
from firebell.action_items.trackers.vendor import TrackerVendor
from firebell.kit.token_bucket import per_minute

VENDOR = TrackerVendor(
    name="jira_data_center",
    title="Jira Data Center",
    api=JiraApi(is_cloud=False),
    default_url="",
    target_label="Project key",
    target_hint="Such as PAY.",
    target_pattern=PROJECT_PATTERN,
    setup=(
        "Create a personal access token for a user who may create and edit issues of the project.",
        "A private address has to be in FIREBELL_ALLOWED_NETWORKS.",
    ),
    hook_setup=(
        "As an admin, open System, WebHooks, and create a webhook with this address.",
        "Paste the secret, and select the issue events created, updated and deleted.",
    ),
    read_rate=per_minute(300, 60),
    write_rate=per_minute(60, 20),
    sweep_every=timedelta(minutes=15),
    search_delay=timedelta(minutes=1),
    has_markdown=False,
    options=OPTIONS,
)
