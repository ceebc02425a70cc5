"""Who may connect to the embedded PostgreSQL: the user who runs it, and root, as the operating system knows them."""

import os
import pwd
from pathlib import Path

from firebell.kit.errors import StartupError
from firebell.kit.private_files import open_private

SHARED_USER = "nobody"
"""A user that unrelated programs run as; it never gets access itself."""

HBA = """\
# Firebell writes this file at each start of the database; changes are lost.
local all firebell peer map=firebell
local replication firebell peer map=firebell
"""


def ident_map(server_uid: int) -> str:
    """Return the `pg_ident.conf` that maps root and the server's user to the role `firebell`.

    Raises `StartupError` if the server's user has no name: PostgreSQL identifies users by name.
    """
    names = {pwd.getpwuid(0).pw_name}
    try:
        server = pwd.getpwuid(server_uid).pw_name
    except KeyError as exc:
        raise StartupError(
            f"The user with the number {server_uid}, who runs the database, has no name on this machine.",
            hint="Add this user to /etc/passwd, or run Firebell as a user that has a name.",
        ) from exc
    if server != SHARED_USER or os.geteuid() == server_uid:
        names.add(server)
    lines = ["# Firebell writes this file at each start of the database; changes are lost."]
    for name in sorted(names):
        quoted = name.replace('"', '""')
        lines.append(f'firebell "{quoted}" firebell')
    return "\n".join(lines) + "\n"


def write_access_rules(pgdata: Path, uid: int | None, gid: int | None) -> list[str]:
    """Replace `pg_hba.conf` and `pg_ident.conf`, and return the server options that name them.

    A cluster of an older Firebell trusts every local user until its next start.
    """
    server_uid = os.geteuid() if uid is None else uid
    options = []
    rules = (("hba_file", "pg_hba.conf", HBA), ("ident_file", "pg_ident.conf", ident_map(server_uid)))
    for option, name, text in rules:
        fresh = pgdata / f"{name}.new"
        with open_private(fresh, "w") as file:
            file.write(text)
            if uid is not None and gid is not None:
                os.fchown(file.fileno(), uid, gid)
        fresh.replace(pgdata / name)
        options += ["-c", f"{option}={pgdata / name}"]
    return options
