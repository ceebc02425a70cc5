"""The one table of providers (pure)."""

from collections.abc import Callable

from firebell.status_copies.instatus import InstatusApi
from firebell.status_copies.model import Provider
from firebell.status_copies.remote_api import RemoteApi
from firebell.status_copies.statuspage import StatuspageApi

APIS: dict[Provider, Callable[[str], RemoteApi]] = {
    Provider.STATUSPAGE: StatuspageApi,
    Provider.INSTATUS: InstatusApi,
}


def api_of(provider: Provider, link: str = "") -> RemoteApi:
    """Return the API of a provider; `link` follows texts that are cut to its limits."""
    return APIS[provider](link)
