"""`firebell statuspage export` and `serve`: status pages as files, and on a machine without Firebell's database."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, fail, show

if TYPE_CHECKING:
    from firebell.status_pages.hosting.model import SavedPage


@click.command(
    epilog=example(
        "firebell statuspage export kestrel /srv/www/status",
        "firebell statuspage export kestrel status --url https://status.example.org",
    )
)
@click.argument("slug")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--url", default="", help="The address at which the copy is read; that of the page by default.")
@as_json
def export(slug: str, folder: Path, url: str) -> None:
    """Write a status page as files that any web server can serve; only files that changed are written again."""
    from firebell.status_pages.hosting import export as exporting
    from firebell.status_pages.hosting import saved_pages

    saved = call("GET", f"/api/v1/status-pages/{seg(slug)}/saved-page")
    try:
        page = saved_pages.decode(json.dumps(saved).encode())
        written = exporting.write(page, folder, url)
    except ValueError as error:
        fail(f"{error}", "Use the version of firebell that the server has.")
    except OSError as error:
        fail(f"{folder} can't be written: {error.strerror}.")
    show({"written": written}, f"Wrote {len(written)} files to {folder}.")


@click.command(epilog=example("firebell statuspage serve /srv/www/status --port 8081"))
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--host", help="Address to listen on. [env FIREBELL_HOST, default 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on. [env FIREBELL_PORT, default 8080]")
def serve(folder: Path, host: str | None, port: int | None) -> None:
    """Serve an exported status page, without a database, and say when it is out of date.

    New files are served within seconds, so that another program can keep the folder up to date.
    """
    from firebell import process
    from firebell.commands.serve import load_settings, run
    from firebell.kit.clock import SystemClock
    from firebell.status_pages.hosting import export as exporting
    from firebell.status_pages.hosting.edge import ExportEdge, SavedPageSource

    def read() -> dict[str, "SavedPage"]:
        page = exporting.read(folder)
        return {page.snapshot.page.slug: page}

    settings = load_settings(host=host, port=port)
    try:
        source = SavedPageSource(read, SystemClock())
    except (OSError, ValueError, KeyError) as error:
        fail(
            f"{folder} is not an exported status page: {error}",
            "Write one with 'firebell statuspage export'.",
        )
    click.echo(f"Serving {folder} at http://{settings.host}:{settings.port}", err=True)
    run(process.serve_alone(ExportEdge(source), settings))
