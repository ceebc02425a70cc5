"""Jira Cloud: REST API v3, issues of one project (spec 11.10)."""

from datetime import timedelta

from firebell.action_items.trackers.jira import OPTIONS, PROJECT_PATTERN, JiraApi
from firebell.action_items.trackers.vendor import OAuthServer, TrackerVendor
from firebell.kit.token_bucket import per_minute

VENDOR = TrackerVendor(
    name="jira_cloud",
    title="Jira Cloud",
    api=JiraApi(is_cloud=True),
    default_url="",
    target_label="Project key",
    target_hint="Such as PAY.",
    target_pattern=PROJECT_PATTERN,
    setup=(
        "Create an API token at id.atlassian.com for a user who may create and edit issues of the project.",
        "The address is https://NAME.atlassian.net, and the email address is that of this user.",
    ),
    hook_setup=(
        "As an admin, open System, WebHooks, and create a webhook with this address.",
        "Paste the secret, and select the issue events created, updated and deleted.",
        "A webhook of an app is not signed: use the address with the token instead.",
    ),
    read_rate=per_minute(300, 60),
    write_rate=per_minute(60, 20),
    sweep_every=timedelta(minutes=15),
    # a new issue is not in the search at once
    search_delay=timedelta(minutes=2),
    login_label="Email address of the token’s owner",
    has_markdown=False,
    options=OPTIONS,
    oauth=OAuthServer(
        authorize_url="https://auth.atlassian.com/authorize",
        token_url="https://auth.atlassian.com/oauth/token",  # noqa: S106 - an address
        scope="read:jira-work write:jira-work read:jira-user offline_access",
        authorize_query={"audience": "api.atlassian.com", "prompt": "consent"},
        takes_json=True,
        sites_url="https://api.atlassian.com/oauth/token/accessible-resources",
        gateway_url="https://api.atlassian.com/ex/jira",
        setup=(
            "In the Atlassian developer console, create an OAuth 2.0 integration with the callback URL below.",
            "Add the Jira API with the scopes read:jira-work, write:jira-work and read:jira-user.",
            "Copy its client ID and its secret. A user who may create and edit issues then authorizes Firebell.",
        ),
        lasts=timedelta(days=365),
    ),
)
