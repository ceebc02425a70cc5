"""The address of the war room of an incident, from a template such as `https://meet.jit.si/acme-{ref}` (pure)."""

from urllib.parse import quote, urlsplit

from firebell.kit.errors import StartupError

VARIABLE = "FIREBELL_WAR_ROOM_URL"
PLACEHOLDER = "{ref}"


def check_template(template: str) -> str:
    """Return a template of an address, empty for none; raise `StartupError` if it is not an https address."""
    if not template:
        return ""
    parts = urlsplit(template)
    unknown = template.replace(PLACEHOLDER, "")
    if parts.scheme != "https" or not parts.hostname or "{" in unknown or "}" in unknown:
        raise StartupError(
            f"{VARIABLE}: {template!r} is not an https address with {PLACEHOLDER} at most.",
            hint="Example: https://meet.jit.si/acme-{ref}",
        )
    return template


def war_room_url(template: str, ref: str) -> str:
    """Return the address of the war room of an incident, empty if there is no template."""
    return template.replace(PLACEHOLDER, quote(ref.lower(), safe="-"))
