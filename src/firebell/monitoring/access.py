"""Who may read the numbers: Prometheus with the token, or from an allowed network (pure)."""

import hmac
from collections.abc import Sequence

from firebell.kit.errors import FirebellError, Forbidden, Unauthenticated
from firebell.kit.ip_addresses import Network, is_in, parse_ip


def refusal(
    client: str, authorization: str, *, token: str, networks: Sequence[Network]
) -> FirebellError | None:
    """Return why a client may not read the numbers, None if it may; without a setting, no one may."""
    if _is_in(client, networks):
        return None
    scheme, _, secret = authorization.partition(" ")
    if token and scheme.lower() == "bearer" and hmac.compare_digest(secret.strip().encode(), token.encode()):
        return None
    if token:
        return Unauthenticated(
            "The request does not have the token for metrics.",
            hint="Send 'Authorization: Bearer' with the value of FIREBELL_METRICS_TOKEN.",
        )
    return Forbidden(
        "Your address may not read the metrics of this process.",
        hint="Set FIREBELL_METRICS_TOKEN, or add the network of your Prometheus to FIREBELL_METRICS_NETWORKS.",
    )


def _is_in(client: str, networks: Sequence[Network]) -> bool:
    try:
        return is_in(parse_ip(client), networks)
    except ValueError:
        return False
