"""`firebell statuspage access`, `host`, `theme` and `mirror`: how a status page is served."""

import base64
from pathlib import Path
from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, fail, local, pairs, show, show_table

Fields = dict[str, Any]


def _path(slug: str, rest: str) -> str:
    return f"/api/v1/status-pages/{seg(slug)}/{rest}"


def _hosting(slug: str) -> Fields:
    hosting: Fields = call("GET", _path(slug, "hosting"))
    return hosting


@click.group()
def access() -> None:
    """Set who may read a private status page."""


def _access_text(hosting: Fields) -> str:
    shown = hosting["access"]
    networks = ", ".join(shown["networks"]) or "any"
    lines = [
        f"Password: {'set' if shown['has_password'] else 'none'}",
        f"Networks: {networks}{', no password needed' if shown['networks_suffice'] else ''}",
    ]
    lines += [
        f"Feed key {key['id']}: {key['name']}, {local(key['created_at'])}" for key in hosting["feed_keys"]
    ]
    return "\n".join(lines)


@access.command("show", epilog=example("firebell statuspage access show kestrel"))
@click.argument("slug")
@as_json
def show_access(slug: str) -> None:
    """Show who may read a status page while it is private."""
    hosting = _hosting(slug)
    show({"access": hosting["access"], "feed_keys": hosting["feed_keys"]}, _access_text(hosting))


@access.command(
    "change",
    epilog=example(
        "firebell statuspage access change kestrel --password-file password.txt",
        "firebell statuspage access change kestrel --network 10.0.0.0/8 --networks-suffice",
    ),
)
@click.argument("slug")
@click.option("--password-file", type=click.File(), help="A file with the password; - is standard input.")
@click.option("--no-password", is_flag=True, help="Remove the password.")
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="A network of readers.")
@click.option("--any-network", is_flag=True, help="Admit readers of all networks.")
@click.option(
    "--networks-suffice/--networks-and-password",
    "suffice",
    default=None,
    help="Whether readers in the networks need no password.",
)
@as_json
def change_access(
    slug: str,
    password_file: Any,
    no_password: bool,
    networks: tuple[str, ...],
    any_network: bool,
    suffice: bool | None,
) -> None:
    """Change who may read a status page while it is private; what you leave out stays."""
    if password_file and no_password:
        fail("A password can't be set and removed at once.", "Leave out one of the two options.")
    if networks and any_network:
        fail("--network and --any-network exclude each other.", "Leave out one of the two options.")
    body: Fields = {}
    if password_file:
        body["password"] = password_file.read().strip()
        if not body["password"]:
            fail("The file with the password is empty.", "Use --no-password to remove the password.")
    if no_password:
        body["password"] = ""
    if networks or any_network:
        body["networks"] = list(networks)
    if suffice is not None:
        body["networks_suffice"] = suffice
    if not body:
        fail("There is nothing to change.", "Pass an option, such as --network 10.0.0.0/8.")
    hosting = call("PATCH", _path(slug, "access"), body)
    show(hosting["access"], _access_text(hosting))


@access.command("create-key", epilog=example("firebell statuspage access create-key kestrel Contoso"))
@click.argument("slug")
@click.argument("name")
@as_json
def create_key(slug: str, name: str) -> None:
    """Create a key with which the reader NAME gets the feeds and JSON of a private page."""
    key = call("POST", _path(slug, "feed-keys"), {"name": name})
    show(key, f"{key['key']}\nAdd it to addresses as ?key=. It is shown only once.")


@access.command("revoke-key", epilog=example("firebell statuspage access revoke-key kestrel 3"))
@click.argument("slug")
@click.argument("key_id", metavar="ID", type=click.IntRange(min=1))
@as_json
def revoke_key(slug: str, key_id: int) -> None:
    """Revoke a feed key; its reader gets nothing from then on."""
    call("DELETE", _path(slug, f"feed-keys/{key_id}"))
    show({"revoked": key_id}, f"Revoked feed key {key_id}.")


@click.group()
def host() -> None:
    """Serve a status page at its own host name."""


def _host_text(claim: Fields) -> str:
    if claim["proven_at"]:
        return f"{claim['host']}: proven {local(claim['proven_at'])}"
    return "\n".join(
        [
            f"{claim['host']}: not proven yet",
            f"TXT record: {claim['txt_name']}",
            f"Its value: {claim['token']}",
            f"Or show the value at {claim['challenge_url']}",
        ]
    )


@host.command("show", epilog=example("firebell statuspage host show kestrel"))
@click.argument("slug")
@as_json
def show_host(slug: str) -> None:
    """Show the host name of a status page, and how to prove it."""
    claim = _hosting(slug)["host"]
    show(claim, _host_text(claim) if claim else "No host name.")


@host.command("claim", epilog=example("firebell statuspage host claim kestrel status.example.org"))
@click.argument("slug")
@click.argument("name", metavar="HOST")
@as_json
def claim_host(slug: str, name: str) -> None:
    """Claim HOST for a status page, which is served there once the claim is proven."""
    claim = call("PUT", _path(slug, "host"), {"host": name})
    show(claim, _host_text(claim))


@host.command("check", epilog=example("firebell statuspage host check kestrel"))
@click.argument("slug")
@as_json
def check_host(slug: str) -> None:
    """Prove the claim: Firebell looks up the TXT record, then asks the host itself."""
    claim = call("POST", _path(slug, "host/proof"))
    show(claim, _host_text(claim))


@host.command("remove", epilog=example("firebell statuspage host remove kestrel"))
@click.argument("slug")
@as_json
def remove_host(slug: str) -> None:
    """Stop serving a status page at its host name; links to it break."""
    call("DELETE", _path(slug, "host"))
    show({"host": None}, "Removed the host name.")


@click.group()
def theme() -> None:
    """Change the color, logo and languages of a status page."""


def _theme_text(shown: Fields) -> str:
    return "\n".join(
        [
            f"Accent color: {shown['accent'] or 'the default'}",
            f"Logo: {'uploaded' if shown['has_logo'] else 'none'}",
            f"Languages: {', '.join([shown['locale'], *shown['locales']])}",
            *(f"Footer link: {link['label']} {link['url']}" for link in shown["footer_links"]),
        ]
    )


@theme.command("show", epilog=example("firebell statuspage theme show kestrel"))
@click.argument("slug")
@as_json
def show_theme(slug: str) -> None:
    """Show the look of a status page."""
    shown = _hosting(slug)["theme"]
    show(shown, _theme_text(shown))


@theme.command(
    "change",
    epilog=example(
        "firebell statuspage theme change kestrel --accent '#0a7ea4' --logo logo.svg",
        "firebell statuspage theme change kestrel --language de --other en --other fr",
        "firebell statuspage theme change kestrel --link Imprint=https://www.example.org/imprint",
    ),
)
@click.argument("slug")
@click.option("--accent", help="A color such as #0a7ea4; an empty text for the default.")
@click.option("--logo", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A PNG or SVG.")
@click.option("--no-logo", is_flag=True, help="Remove the logo.")
@click.option("--language", help="The language of the page, such as de.")
@click.option("--other", "others", multiple=True, metavar="LANGUAGE", help="A further language.")
@click.option("--no-others", is_flag=True, help="Offer no further language.")
@click.option("--link", "links", multiple=True, metavar="LABEL=ADDRESS", help="A link in the footer.")
@click.option("--no-links", is_flag=True, help="Show no links in the footer.")
@as_json
def change_theme(
    slug: str,
    accent: str | None,
    logo: Path | None,
    no_logo: bool,
    language: str | None,
    others: tuple[str, ...],
    no_others: bool,
    links: tuple[str, ...],
    no_links: bool,
) -> None:
    """Change the look of a status page; what you leave out stays."""
    if (logo and no_logo) or (others and no_others) or (links and no_links):
        fail("Two options exclude each other.", "Leave out one of the two.")
    body: Fields = {}
    if accent is not None:
        body["accent"] = accent
    if logo is not None:
        body["logo"] = base64.b64encode(logo.read_bytes()).decode()
        if not body["logo"]:
            fail(f"{logo} is empty.", "Use --no-logo to remove the logo.")
    if no_logo:
        body["logo"] = ""
    if language is not None:
        body["locale"] = language
    if others or no_others:
        body["locales"] = list(others)
    if links or no_links:
        listed = pairs(links, "LABEL=ADDRESS", "--link Imprint=https://www.example.org/imprint")
        body["footer_links"] = [{"label": label, "url": url} for label, url in listed.items()]
    if not body:
        fail("There is nothing to change.", "Pass an option, such as --accent '#0a7ea4'.")
    shown = call("PATCH", _path(slug, "theme"), body)["theme"]
    show(shown, _theme_text(shown))


@click.group()
def mirror() -> None:
    """Push copies of a status page to buckets that answer when this server is down."""


@mirror.command("list", epilog=example("firebell statuspage mirror list kestrel"))
@click.argument("slug")
@as_json
def list_mirrors(slug: str) -> None:
    """List the buckets with when each was last pushed."""
    mirrors = _hosting(slug)["mirrors"]
    rows = [
        [
            str(m["id"]),
            f"{m['bucket']}/{m['prefix']}",
            local(m["pushed_at"]),
            m["error"] or ("late" if m["is_late"] else ""),
            m["url"],
        ]
        for m in mirrors
    ]
    show_table(mirrors, ("ID", "BUCKET", "PUSHED", "PROBLEM", "ADDRESS"), rows, wide=3, empty="No mirrors.")


@mirror.command(
    epilog=example(
        "firebell statuspage mirror add kestrel https://status.example.org --bucket kestrel-status \\",
        "    --endpoint https://s3.eu-north-1.amazonaws.com --region eu-north-1 \\",
        "    --access-key AKIAEXAMPLE --secret-file secret.txt",
    )
)
@click.argument("slug")
@click.argument("url")
@click.option("--endpoint", required=True, help="The address of the storage service.")
@click.option("--bucket", required=True)
@click.option("--region", default="us-east-1", show_default=True)
@click.option("--folder", "prefix", default="", help="A folder in the bucket, such as status/.")
@click.option("--access-key", required=True)
@click.option(
    "--secret-file",
    type=click.File(),
    required=True,
    help="A file with the secret of the key; - is standard input.",
)
@as_json
def add(
    slug: str,
    url: str,
    endpoint: str,
    bucket: str,
    region: str,
    prefix: str,
    access_key: str,
    secret_file: Any,
) -> None:
    """Push a status page to a bucket from now on; readers get it at URL."""
    body = {
        "url": url,
        "endpoint": endpoint,
        "region": region,
        "bucket": bucket,
        "prefix": prefix,
        "access_key": access_key,
        "secret": secret_file.read().strip(),
    }
    added = call("POST", _path(slug, "mirrors"), body)
    show(added, f"Added mirror {added['id']}.")


@mirror.command(epilog=example("firebell statuspage mirror remove kestrel 1"))
@click.argument("slug")
@click.argument("mirror_id", metavar="ID", type=click.IntRange(min=1))
@as_json
def remove(slug: str, mirror_id: int) -> None:
    """Stop pushing to a bucket, which keeps what it has."""
    call("DELETE", _path(slug, f"mirrors/{mirror_id}"))
    show({"removed": mirror_id}, f"Removed mirror {mirror_id}.")
