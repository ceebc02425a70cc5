"""How Firebell signs in to trackers, pure: what is entered, the JWT of an app, grants of OAuth, and 304."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from firebell.action_items.trackers import oauth
from firebell.action_items.trackers.credentials import EnteredCredentials, OAuthSecrets, checked, secrets_of
from firebell.action_items.trackers.github_app import app_jwt
from firebell.action_items.trackers.model import AuthMethod
from firebell.action_items.trackers.vendor import CallFailed, OAuthServer, Outcome
from firebell.action_items.trackers.vendor_registry import registry
from firebell.kit.errors import Invalid
from firebell.kit.token_bucket import CallRate, RateBucket
from tests.standins.signed_in_trackers import CLIENT_ID, GitHubAppStandin, pem, private_key

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
SECRETS = OAuthSecrets("s3cret", "refresh-1")
APP, OAUTH = AuthMethod.APP, AuthMethod.OAUTH


def other_key(form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    """Return the PEM of a key of another kind."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def locked_key() -> str:
    """Return the PEM of the key with a passphrase."""
    lock = BestAvailableEncryption(b"passphrase")
    return private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock).decode()


@pytest.mark.parametrize(
    ("kind", "auth", "more", "field"),
    [
        ("github", "token", {"token": "two words"}, "token"),
        ("github", "token", {"token": "schlüssel"}, "token"),
        ("github", "token", {"token": "x" * 1001}, "token"),
        ("github", "oauth", {"client_id": "x", "client_secret": "y"}, "auth"),
        ("gitlab", "app", {"client_id": "x"}, "auth"),
        ("linear", "app", {"client_id": "x"}, "auth"),
        ("linear", "oauth", {"client_id": "", "client_secret": "y"}, "client_id"),
        ("linear", "oauth", {"client_id": "a/b", "client_secret": "y"}, "client_id"),
        ("jira_cloud", "oauth", {"client_id": "x", "client_secret": " "}, "client_secret"),
        ("github", "app", {"client_id": "x", "private_key": ""}, "private_key"),
        ("github", "app", {"client_id": "x", "private_key": "ключ"}, "private_key"),
        ("github", "app", {"client_id": "x", "private_key": pem()[:400]}, "private_key"),
        ("github", "app", {"client_id": "x", "private_key": "x" * 10_001}, "private_key"),
        ("github", "app", {"client_id": "x", "private_key": other_key()}, "private_key"),
        ("github", "app", {"client_id": "x", "private_key": locked_key()}, "private_key"),
    ],
)
def test_wrong_credentials_are_refused_at_their_field(
    kind: str, auth: str, more: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        checked(registry()[kind], EnteredCredentials(AuthMethod(auth), **more))
    assert set(refused.value.fields) == {field}
    assert not [value for value in more.values() if len(value) > 12 and value in str(refused.value.fields)]


def test_credentials_are_stored_as_they_are_used() -> None:
    stored = checked(registry()["github"], EnteredCredentials(token=" github_pat_0123456789 "))
    assert (stored.auth, stored.client_id, stored.secret, stored.hint) == (
        AuthMethod.TOKEN,
        "",
        "github_pat_0123456789",
        "6789",
    )
    windows = pem().replace("\n", "\r\n") + "\r\n"
    app = checked(registry()["github"], EnteredCredentials(APP, client_id=CLIENT_ID, private_key=windows))
    assert app_jwt(app.client_id, app.secret, NOW)
    linear = EnteredCredentials(OAUTH, client_id="app-1", client_secret="s3cret")
    assert secrets_of(checked(registry()["linear"], linear).secret) == OAuthSecrets("s3cret")
    for shown in (repr(stored), repr(app), repr(SECRETS), repr(linear)):
        assert not [secret for secret in ("0123456789", "PRIVATE", "s3cret", "refresh-1") if secret in shown]


@pytest.mark.parametrize(
    ("client_id", "drift_s", "is_taken"),
    [(CLIENT_ID, 0, True), (CLIENT_ID, 59, True), (CLIENT_ID, -500, True), ("another", 0, False)],
)
def test_github_takes_the_jwt_of_its_app(client_id: str, drift_s: int, is_taken: bool) -> None:
    """RS256, at most ten minutes long, and issued in the past even if GitHub's clock is a minute behind."""
    github = GitHubAppStandin(lambda: NOW - timedelta(seconds=drift_s))
    github.bearer = app_jwt(client_id, pem(), NOW)
    assert github.is_app() is is_taken
    github.bearer = github.bearer[:-8] + "AAAAAAAA"
    assert not github.is_app()


@pytest.mark.parametrize(
    ("status", "document", "outcome"),
    [
        (200, {"token_type": "Bearer"}, Outcome.RETRY),
        (200, None, Outcome.RETRY),
        (400, {"error": "invalid_grant"}, Outcome.TOKEN_REFUSED),
        (401, {"error": "invalid_client"}, Outcome.TOKEN_REFUSED),
        (403, {"error": "invalid_grant", "error_description": "Unknown"}, Outcome.TOKEN_REFUSED),
        (408, None, Outcome.RETRY),
        (429, {"error": "slow_down"}, Outcome.RETRY),
        (502, None, Outcome.RETRY),
        (302, None, Outcome.RETRY),
    ],
)
def test_what_a_refused_grant_means(status: int, document: Any, outcome: Outcome) -> None:
    text = "<html>s3cret refresh-1" if document is None else json.dumps(document)
    with pytest.raises(CallFailed) as failed:
        oauth.read_grant(status, text, SECRETS, NOW)
    assert failed.value.answer.outcome is outcome
    assert "s3cret" not in failed.value.answer.reason


@pytest.mark.parametrize(
    ("more", "lasts_s", "refresh_token"),
    [
        ({"expires_in": 3600, "refresh_token": "refresh-2"}, 3600, "refresh-2"),
        ({"expires_in": 86_399.0}, 86_399, "refresh-1"),
        ({}, 3600, "refresh-1"),
        ({"expires_in": "soon"}, 3600, "refresh-1"),
        ({"expires_in": -5}, 60, "refresh-1"),
        ({"expires_in": 10**12}, 30 * 86_400, "refresh-1"),
    ],
)
def test_a_grant_replaces_the_refresh_token_that_it_used(
    more: dict[str, Any], lasts_s: int, refresh_token: str
) -> None:
    access = oauth.read_grant(200, json.dumps({"access_token": "access-1", **more}), SECRETS, NOW)
    assert (access.token, access.until - NOW) == ("access-1", timedelta(seconds=lasts_s))
    assert secrets_of(access.new_secret) == OAuthSecrets("s3cret", refresh_token)


def test_without_offline_access_a_person_is_asked_again() -> None:
    with pytest.raises(CallFailed) as failed:
        oauth.read_grant(200, '{"access_token": "access-1"}', OAuthSecrets("s3cret"), NOW)
    assert failed.value.answer.outcome is Outcome.TOKEN_REFUSED
    with pytest.raises(CallFailed):
        oauth.refresh_request("app-1", OAuthSecrets("s3cret"))


@pytest.mark.parametrize("kind", ["jira_cloud", "linear"])
def test_the_address_asks_for_what_the_sync_needs(kind: str) -> None:
    server = registry()[kind].oauth
    assert isinstance(server, OAuthServer)
    address = oauth.authorize_address(server, "app-1", "https://f.example/settings?a=b", "st&te")
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert (query["client_id"], query["redirect_uri"], query["state"], query["response_type"]) == (
        "app-1",
        "https://f.example/settings?a=b",
        "st&te",
        "code",
    )
    wanted = {"jira_cloud": {"write:jira-work", "offline_access"}, "linear": {"read", "write"}}[kind]
    assert wanted <= set(query["scope"].replace(",", " ").split())


def test_the_site_of_the_tracker_is_chosen_among_those_of_the_person() -> None:
    server = registry()["jira_cloud"].oauth
    assert server
    sites = [
        {"id": "1", "url": "https://acme.atlassian.net"},
        {"id": "2", "url": "https://other.atlassian.net/"},
    ]
    gateway = "https://api.atlassian.com/ex/jira"
    assert oauth.site_among(server, sites, "https://Acme.atlassian.net") == f"{gateway}/1"
    assert oauth.site_among(server, sites, "https://other.atlassian.net") == f"{gateway}/2"
    for documents in (sites, [], None, "html"):
        with pytest.raises(CallFailed):
            oauth.site_among(server, documents, "https://third.atlassian.net")


def test_a_read_that_cost_nothing_is_given_back() -> None:
    rate = CallRate(1.0, 10)
    used = RateBucket(3.0, NOW)
    assert used.given_back(rate, NOW).tokens == 4
    assert used.given_back(rate, NOW + timedelta(seconds=60)).tokens == 10


@pytest.mark.parametrize("kind", ["github", "gitlab", "jira_cloud", "linear"])
def test_not_modified_is_no_error(kind: str) -> None:
    answer = registry()[kind].api.answer(304, {"etag": '"x"'}, "", NOW, is_write=False)
    assert answer.outcome is Outcome.UNCHANGED
