"""Actions on how status pages are served: who may read them, their host, their look, and their mirrors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.http_out import check_url
from firebell.kit.signing import random_token
from firebell.kit.text import clean_name
from firebell.kit.web.origin import host_name, is_ip
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.status_pages.hosting import footer_links, gate, host_proof, logo_files
from firebell.status_pages.hosting import store as hosting_store
from firebell.status_pages.hosting.model import FeedKey, HostClaim, PageAccess, PageMirror
from firebell.status_pages.lookup import locked_page, topic
from firebell.status_pages.model import PageVisibility, StatusPage
from firebell.status_pages.public import theme_colors
from firebell.status_pages.public.languages import languages
from firebell.status_pages.public.theme import PageTheme

PASSWORD_MAX_CHARS = 200
MAX_NETWORKS, MAX_FEED_KEYS, MAX_MIRRORS = 100, 200, 5
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
_BUCKET = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,254}")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_PREFIX = re.compile(r"([\w.-]+/)*")


@permits(Verb.STATUS_PAGE_WRITE)
async def change_access(
    tx: Tx, actor: Actor, page_id: int, values: Mapping[str, Any], now: datetime
) -> PageAccess:
    """Change who may read a page while it is private: `networks`, `networks_suffice`, `password_hash`, empty for none.

    A new password signs out everyone who reads the page with the old one.
    """
    page = await locked_page(tx, page_id)
    old = await hosting_store.access(tx, page_id)
    changes = dict(values)
    if "networks" in values:
        changes["networks"] = _networks(values["networks"])
    access = replace(old, **changes)
    if access.networks_suffice and not access.networks:
        raise Invalid(
            "Without networks, everyone could read the page.",
            fields={"networks": "Enter a network such as 10.0.0.0/8."},
        )
    if access == old:
        return old
    await hosting_store.save_access(tx, page_id, access)
    await tx.audit(actor, "status_page.access_changed", page.name, now, changed=", ".join(sorted(changes)))
    await tx.live(topic(page))
    return access


def _networks(texts: Sequence[str]) -> tuple[str, ...]:
    if len(texts) > MAX_NETWORKS:
        raise Invalid("There are too many networks.", fields={"networks": f"Use at most {MAX_NETWORKS}."})
    networks = []
    for text in filter(None, (each.strip() for each in texts)):
        try:
            networks.append(str(gate.parse_network(text)))
        except ValueError:
            raise Invalid(
                f"{text[:60]!r} is not a network.",
                fields={"networks": "Enter networks such as 10.0.0.0/8 or 2001:db8::/32."},
            ) from None
    return tuple(dict.fromkeys(networks))


async def password_hash(password: str) -> str:
    """Return the hash of a page's password, an empty text for none; raise `Invalid`. No transaction may be open."""
    if not password:
        return ""
    if not gate.PASSWORD_MIN_CHARS <= len(password) <= PASSWORD_MAX_CHARS:
        raise Invalid(
            "The password can’t be used.",
            fields={"password": f"Use {gate.PASSWORD_MIN_CHARS} to {PASSWORD_MAX_CHARS} characters."},
        )
    return await people.hash_secret(password)


@permits(Verb.STATUS_PAGE_WRITE)
async def create_feed_key(
    tx: Tx, actor: Actor, page_id: int, name: str, now: datetime
) -> tuple[FeedKey, str]:
    """Create a key with which one reader of a private page reads its feeds and JSON; return it with the secret."""
    page = await locked_page(tx, page_id)
    if len(await hosting_store.feed_keys(tx, page_id)) >= MAX_FEED_KEYS:
        raise Conflict(f"A status page has at most {MAX_FEED_KEYS} feed keys.")
    secret = random_token()
    name = clean_name(name, "name")
    key = await hosting_store.insert_feed_key(tx, page_id, name, gate.key_hash(secret), now)
    await tx.audit(actor, "status_page.feed_key_created", page.name, now, key=name)
    await tx.live(topic(page))
    return key, secret


@permits(Verb.STATUS_PAGE_WRITE)
async def revoke_feed_key(tx: Tx, actor: Actor, page_id: int, key_id: int, now: datetime) -> None:
    """Revoke a feed key; what it admitted is refused from now on."""
    page = await locked_page(tx, page_id)
    name = await hosting_store.delete_feed_key(tx, page_id, key_id)
    if name is None:
        raise NotFound(f"This status page has no feed key {key_id}.")
    await tx.audit(actor, "status_page.feed_key_revoked", page.name, now, key=name)
    await tx.live(topic(page))


@permits(Verb.STATUS_PAGE_WRITE)
async def claim_host(
    tx: Tx, actor: Actor, page_id: int, host: str, app_hosts: frozenset[str], now: datetime
) -> HostClaim:
    """Claim a host name for a page, which is served there once the claim is proven. Idempotent."""
    page = await locked_page(tx, page_id)
    name = host_name(host)
    if not _HOST.fullmatch(name) or len(name) > 253 or is_ip(name):
        raise Invalid(
            f"{host[:60]!r} is not a host name.", fields={"host": "Enter a name such as status.example.org."}
        )
    if name in app_hosts or name.endswith(".localhost"):
        raise Invalid(
            f"{name} is Firebell’s own.", fields={"host": "Choose a name for the status page alone."}
        )
    old = await hosting_store.host_claim(tx, page_id)
    if old and old.host == name:
        return old
    if await hosting_store.is_proven_host(tx, name):
        raise Conflict(f"{name} shows another status page.", fields={"host": "Choose another name."})
    claim = await hosting_store.claim_host(tx, page_id, name, random_token(24), now)
    await tx.audit(actor, "status_page.host_claimed", page.name, now, host=name)
    await _host_changed(tx, page)
    return claim


@permits(Verb.STATUS_PAGE_WRITE)
async def prove_host(tx: Tx, actor: Actor, page_id: int, proof: str, now: datetime) -> HostClaim:
    """Accept the claim of a page's host if `proof`, which `host_proof` read, is the token. Idempotent."""
    page = await locked_page(tx, page_id)
    claim = await hosting_store.host_claim(tx, page_id)
    if claim is None:
        raise NotFound("This status page has no host name.")
    if claim.proven_at is not None:
        return claim
    if proof.strip() != claim.token:
        raise Conflict(
            f"{claim.host} doesn’t show the token.",
            hint=f"Set the TXT record {host_proof.txt_name(claim)} to the token, or point the name at Firebell.",
        )
    if not await hosting_store.prove_host(tx, page_id, claim.host, now):
        raise Conflict(f"{claim.host} shows another status page.")
    await tx.audit(actor, "status_page.host_proven", page.name, now, host=claim.host)
    await _host_changed(tx, page)
    return replace(claim, proven_at=now)


@permits(Verb.STATUS_PAGE_WRITE)
async def remove_host(tx: Tx, actor: Actor, page_id: int, now: datetime) -> None:
    """Stop serving a page on its host. Idempotent."""
    page = await locked_page(tx, page_id)
    host = await hosting_store.delete_host(tx, page_id)
    if host is not None:
        await tx.audit(actor, "status_page.host_removed", page.name, now, host=host)
        await _host_changed(tx, page)


async def _host_changed(tx: Tx, page: StatusPage) -> None:
    await tx.live(topic(page))
    await tx.live(host_proof.HOSTS_TOPIC)


@permits(Verb.STATUS_PAGE_WRITE)
async def change_theme(
    tx: Tx, actor: Actor, page_id: int, values: Mapping[str, Any], now: datetime
) -> PageTheme:
    """Change the look of a page. Idempotent.

    `values` has `accent`, `locale`, `locales`, `footer_links` (pairs of label and address), and `logo` (bytes, or None
    to remove it).
    """
    page = await locked_page(tx, page_id)
    old = await hosting_store.theme(tx, page_id)
    changes = dict(values)
    if "accent" in values:
        changes["accent"] = _accent(values["accent"])
    if "locale" in values:
        changes["locale"] = _locale(values["locale"], "locale")
    if "locales" in values:
        changes["locales"] = tuple(dict.fromkeys(_locale(code, "locales") for code in values["locales"]))
    if "footer_links" in values:
        changes["footer_links"] = footer_links.checked_links(values["footer_links"])
    if values.get("logo") is not None:
        changes["logo"] = logo_files.checked_logo(values["logo"])
    theme = replace(old, **changes)
    theme = replace(theme, locales=tuple(code for code in theme.locales if code != theme.locale))
    if theme == old:
        return old
    await hosting_store.save_theme(tx, page_id, theme)
    await tx.audit(actor, "status_page.theme_changed", page.name, now, changed=", ".join(sorted(changes)))
    await tx.live(topic(page))
    return theme


def _accent(value: str) -> str:
    color = value.strip().lower()
    if color and not theme_colors.is_color(color):
        raise Invalid(f"{value[:40]!r} is not a color.", fields={"accent": "Enter a color such as #0a7ea4."})
    return color


def _locale(code: str, field: str) -> str:
    if code not in languages():
        raise Invalid(
            f"{code[:20]!r} is not a language of status pages.",
            fields={field: f"Use {', '.join(languages())}."},
        )
    return code


@permits(Verb.STATUS_PAGE_WRITE)
async def add_mirror(
    tx: Tx,
    actor: Actor,
    page_id: int,
    *,
    url: str,
    endpoint: str,
    region: str,
    bucket: str,
    prefix: str,
    access_key: str,
    secret: str,
    now: datetime,
) -> PageMirror:
    """Push mirrors of a page to a bucket from now on; `url` is where readers find the mirror."""
    page = await locked_page(tx, page_id)
    if page.visibility is PageVisibility.PRIVATE:
        raise Conflict("A private page has no mirrors: anyone could read them.")
    if len(await hosting_store.mirrors(tx, [page_id])) >= MAX_MIRRORS:
        raise Conflict(f"A status page has at most {MAX_MIRRORS} mirrors.")
    for name, value, pattern, advice in (
        ("region", region, _REGION, "Enter a region such as eu-north-1."),
        ("bucket", bucket, _BUCKET, "Enter the name of a bucket."),
        ("prefix", prefix, _PREFIX, "Leave blank, or enter a folder such as status/."),
    ):
        if not pattern.fullmatch(value):
            raise Invalid(f"The {name} can’t be used.", fields={name: advice})
    if not access_key or not secret or len(access_key) > 200 or len(secret) > 200:
        raise Invalid(
            "The access key is incomplete.", fields={"secret": "Enter the access key and its secret."}
        )
    sealer = await hosting_store.sealer(tx)
    mirror = await hosting_store.insert_mirror(
        tx,
        page_id,
        url=check_url(url, "url").rstrip("/"),
        endpoint=check_url(endpoint, "endpoint").rstrip("/"),
        region=region,
        bucket=bucket,
        prefix=prefix,
        access_key=access_key,
        secret=sealer.seal(secret.encode(), bucket),
        now=now,
    )
    await tx.audit(actor, "status_page.mirror_added", page.name, now, url=mirror.url, bucket=bucket)
    await tx.live(topic(page))
    return mirror


@permits(Verb.STATUS_PAGE_WRITE)
async def remove_mirror(tx: Tx, actor: Actor, page_id: int, mirror_id: int, now: datetime) -> None:
    """Stop pushing a mirror; what is in the bucket stays."""
    page = await locked_page(tx, page_id)
    url = await hosting_store.delete_mirror(tx, page_id, mirror_id)
    if url is None:
        raise NotFound(f"This status page has no mirror {mirror_id}.")
    await tx.audit(actor, "status_page.mirror_removed", page.name, now, url=url)
