"""Stand-ins for the other ways to sign in: a GitHub App, and OAuth of Atlassian and of Linear.

The GitHub App is as in docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App": RS256, issued in the
past, at most ten minutes long; its tokens last an hour. OAuth is as in developer.atlassian.com, "OAuth 2.0 (3LO) apps",
and linear.app/developers, "OAuth 2.0 authentication": a code is good once. Atlassian takes a refresh token again for
ten minutes after its first use; the stand-in for Linear does the same.
"""

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.standins import pinned_linear
from tests.standins.jira import JiraStandin
from tests.standins.linear import LinearStandin
from tests.standins.trackers import GitHubStandin, Response, TrackerStandin

CLIENT_ID = "Iv23liOfTheStandin"
CLIENT_SECRET = "s3cret-of-the-standin"
REUSE = timedelta(minutes=10)
CLOUD_ID = "11223344-a1b2-3b33-c444-def123456789"
GATEWAY = f"/ex/jira/{CLOUD_ID}"


@cache
def private_key() -> rsa.RSAPrivateKey:
    """Return the key of the app."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem() -> str:
    """Return the key as GitHub gives it."""
    return (
        private_key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    )


def _part(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class GitHubAppStandin(GitHubStandin):
    """GitHub, where the app is installed in acme/shop; `tokens` are those that it gave, with their ends."""

    is_installed: bool = True
    tokens: dict[str, datetime] = field(default_factory=dict)
    bearer: str = ""

    def is_authorized(self, headers: dict[str, str]) -> bool:
        if headers.get("x-github-api-version") != "2026-03-10":
            self.refused.append("no API version")
        self.bearer = headers.get("authorization", "").removeprefix("Bearer ")
        return self.is_app() or self.tokens.get(self.bearer, self.now()) > self.now()

    def is_app(self) -> bool:
        """Return True if a call carries a JWT that the app signed, and that lasts ten minutes at most."""
        try:
            head, claims, signature = self.bearer.split(".")
            private_key().public_key().verify(
                _part(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except (ValueError, InvalidSignature):
            return False
        values, now = json.loads(_part(claims)), self.now().timestamp()
        issued, ends = int(values["iat"]), int(values["exp"])
        is_head = json.loads(_part(head)) == {"alg": "RS256", "typ": "JWT"}
        return is_head and str(values["iss"]) == CLIENT_ID and issued <= now < ends and ends - issued <= 600

    def is_write(self, method: str, path: str, document: Any) -> bool:
        return method != "GET" and not path.startswith("/app/")

    def answer(self, method: str, path: str, query: dict[str, str], document: Any) -> Response:
        if path == f"/repos/{self.REPOSITORY}/installation":
            response = Response(200, {"id": 7, "suspended_at": None})
            return (
                response if self.is_app() and self.is_installed else Response(404, {"message": "Not Found"})
            )
        if path == "/app/installations/7/access_tokens" and method == "POST":
            if document != {"repositories": ["shop"]} or not self.is_app():
                return self.refuse(422, {"message": "Validation Failed"})
            token = f"ghs_{len(self.tokens)}_{'x' * 60}"
            self.tokens[token] = self.now() + timedelta(hours=1)
            until = self.tokens[token].isoformat().replace("+00:00", "Z")
            return Response(201, {"token": token, "expires_at": until, "permissions": {"issues": "write"}})
        if self.is_app():
            return self.refuse(401, {"message": "A JSON web token could not be decoded"})
        return super().answer(method, path, query, document)


@dataclass
class OAuthStandin(TrackerStandin):
    """What the token endpoints share: codes and refresh tokens with the instant of their first use."""

    codes: dict[str, datetime | None] = field(default_factory=lambda: {"code-1": None, "code-2": None})
    refresh_tokens: dict[str, datetime | None] = field(default_factory=dict)
    tokens: dict[str, datetime] = field(default_factory=dict)
    lasts: timedelta = timedelta(hours=1)
    exchanged: list[str] = field(default_factory=list)
    bearer: str = ""

    def is_authorized(self, headers: dict[str, str]) -> bool:
        self.bearer = headers.get("authorization", "").removeprefix("Bearer ")
        return not self.bearer or self.tokens.get(self.bearer, self.now()) > self.now()

    def exchange(self, values: dict[str, str]) -> Response:
        """Exchange a code or a refresh token."""
        if (values.get("client_id"), values.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return Response(
                401, {"error": "invalid_client", "error_description": "Client authentication failed"}
            )
        grant = values["grant_type"]
        self.exchanged.append(grant)
        given, known, reuse = (
            (values["code"], self.codes, timedelta(0))
            if grant == "authorization_code"
            else (values["refresh_token"], self.refresh_tokens, REUSE)
        )
        used_at = known.get(given)
        if given not in known or (used_at and self.now() >= used_at + reuse):
            text = "Unknown or invalid refresh token."
            return Response(403, {"error": "invalid_grant", "error_description": text})
        known[given] = used_at or self.now()
        number = len(self.tokens) + 1
        self.tokens[f"access-{number}"] = self.now() + self.lasts
        self.refresh_tokens[f"refresh-{number}"] = None
        tokens = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}"}
        lasts_s = int(self.lasts.total_seconds())
        return Response(200, {**tokens, "expires_in": lasts_s, "token_type": "Bearer", "scope": "read"})


@dataclass
class AtlassianStandin(OAuthStandin, JiraStandin):
    """Jira Cloud behind the gateway; `sites` are those that the person authorized Firebell for."""

    sites: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, query: dict[str, str], document: Any) -> Response:
        if path == "/oauth/token":
            return self.exchange(document)
        if not self.bearer:
            return Response(401, {"code": 401, "message": "Unauthorized"})
        if path == "/oauth/token/accessible-resources":
            scopes = ["read:jira-work", "write:jira-work", "read:jira-user"]
            sites = self.sites or [self.url]
            return Response(
                200,
                [
                    {
                        "id": CLOUD_ID if each == self.url else "other",
                        "url": each,
                        "name": "acme",
                        "scopes": scopes,
                    }
                    for each in sites
                ],
            )
        if not path.startswith(GATEWAY):
            return self.refuse(404, {"message": "not behind the gateway"})
        return JiraStandin.answer(self, method, path.removeprefix(GATEWAY), query, document)

    def is_write(self, method: str, path: str, document: Any) -> bool:
        return not path.startswith("/oauth/") and JiraStandin.is_write(self, method, path, document)

    def wrong_call(self, method: str, path: str, query: dict[str, str], document: Any) -> list[str]:
        if path.startswith("/oauth/"):
            return []
        return JiraStandin.wrong_call(self, method, path.removeprefix(GATEWAY), query, document)

    def wrong_answer(self, method: str, path: str, response: Response) -> list[str]:
        return JiraStandin.wrong_answer(self, method, path.removeprefix(GATEWAY), response)


@dataclass
class LinearOAuthStandin(OAuthStandin, LinearStandin):
    """Linear, whose token endpoint takes a form."""

    lasts: timedelta = timedelta(hours=24)

    def answer(self, method: str, path: str, query: dict[str, str], document: Any) -> Response:
        if path == "/oauth/token":
            return self.exchange(document)
        if not self.bearer:
            return Response(
                401, {"errors": [{"message": "x", "extensions": {"code": "AUTHENTICATION_ERROR"}}]}
            )
        return LinearStandin.answer(self, method, path, query, document)

    def is_write(self, method: str, path: str, document: Any) -> bool:
        return not path.startswith("/oauth/") and LinearStandin.is_write(self, method, path, document)

    def wrong_call(self, method: str, path: str, query: dict[str, str], document: Any) -> list[str]:
        return [] if path.startswith("/oauth/") else pinned_linear.wrong_call(document)
