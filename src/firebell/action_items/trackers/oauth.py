"""OAuth 2.0 with an authorization code and refresh tokens that are used once (pure; spec 11.10)."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from firebell.action_items.trackers.credentials import AccessToken, OAuthSecrets
from firebell.action_items.trackers.vendor import Answer, CallFailed, OAuthServer, Outcome, decoded
from firebell.kit.json_documents import part, rows, text_of

DEFAULT_LASTS_S = 3600
SHORTEST_S, LONGEST_S = 60, 30 * 86_400
_DETAIL_MAX_CHARS = 200


def authorize_address(server: OAuthServer, client_id: str, redirect_url: str, state: str) -> str:
    """Return the address at which a person authorizes Firebell."""
    query = {
        **server.authorize_query,
        "client_id": client_id,
        "scope": server.scope,
        "redirect_uri": redirect_url,
        "state": state,
        "response_type": "code",
    }
    return f"{server.authorize_url}?{urlencode(query)}"


def code_request(client_id: str, secrets: OAuthSecrets, code: str, redirect_url: str) -> dict[str, str]:
    """Return the values that exchange a code for tokens."""
    return {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "client_secret": secrets.client_secret,
        "code": code,
        "redirect_uri": redirect_url,
    }


def refresh_request(client_id: str, secrets: OAuthSecrets) -> dict[str, str]:
    """Return the values that exchange a refresh token for new tokens; raise `CallFailed` without one."""
    if not secrets.refresh_token:
        raise CallFailed(Answer(Outcome.TOKEN_REFUSED, reason="Firebell is not authorized yet."))
    return {
        "grant_type": "refresh_token",
        "client_id": client_id,
        "client_secret": secrets.client_secret,
        "refresh_token": secrets.refresh_token,
    }


def read_grant(status: int, text: str, secrets: OAuthSecrets, now: datetime) -> AccessToken:
    """Return the tokens of an answer; raise `CallFailed`. No part of an answer with tokens is in a reason."""
    document = decoded(text)
    if 200 <= status < 300:
        token = text_of(document, "access_token")
        refresh_token = text_of(document, "refresh_token") or secrets.refresh_token
        if not token:
            raise CallFailed(Answer(Outcome.RETRY, reason=f"{status} without an access token"))
        if not refresh_token:
            reason = "The app got no refresh token. Allow it offline access, and authorize it again."
            raise CallFailed(Answer(Outcome.TOKEN_REFUSED, reason=reason))
        renewed = OAuthSecrets(secrets.client_secret, refresh_token)
        return AccessToken(token, now + _lasts(document), renewed.as_text())
    detail = ": ".join(filter(None, (text_of(document, "error"), text_of(document, "error_description"))))
    reason = f"{status} {detail[:_DETAIL_MAX_CHARS]}".strip()
    # a code or a refresh token that is refused is refused for good
    is_final = 400 <= status < 500 and status not in (408, 425, 429)
    raise CallFailed(Answer(Outcome.TOKEN_REFUSED if is_final else Outcome.RETRY, reason=reason))


def _lasts(document: Any) -> timedelta:
    seconds = part(document, "expires_in")
    known = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    return timedelta(seconds=min(max(seconds if known else DEFAULT_LASTS_S, SHORTEST_S), LONGEST_S))


def site_among(server: OAuthServer, documents: Any, wanted: str) -> str:
    """Return where the calls of a site go; raise `CallFailed` if Firebell is authorized for others only."""
    sites = {text_of(row, "url").rstrip("/").casefold(): text_of(row, "id") for row in rows(documents)}
    if site_id := sites.get(wanted.casefold()):
        return f"{server.gateway_url}/{site_id}"
    others = ", ".join(sorted(sites)) or "no site"
    reason = f"Firebell is authorized for {others[:_DETAIL_MAX_CHARS]}, not for {wanted}."
    raise CallFailed(Answer(Outcome.TOKEN_REFUSED, reason=reason))
