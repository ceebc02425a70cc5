"""`firebell serve`, `work` and `migrate`: run the server and update the database."""

import asyncio
import logging
import sys
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import click

if sys.platform != "win32":
    import uvloop

from firebell import settings as settings_
from firebell.database_server import Ensure, database
from firebell.kit import file_descriptors, garbage, log
from firebell.kit.errors import FirebellError


def run(main: Coroutine[Any, Any, object]) -> None:
    """Run `main` on uvloop where available; print expected errors without a stack trace."""
    try:
        if sys.platform == "win32":
            asyncio.run(main)
        else:
            uvloop.run(main)
    except FirebellError as error:
        raise click.ClickException(f"{error.message}\n{error.hint}".strip()) from error
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


def load_settings(**changes: Any) -> settings_.Settings:
    """Return the settings of the environment, overridden by the command's options, and configure logging."""
    try:
        settings = settings_.load()
    except FirebellError as error:
        raise click.ClickException(f"{error.message}\n{error.hint}".strip()) from error
    settings = replace(settings, **{k: v for k, v in changes.items() if v is not None})
    log.configure(settings.log_level)
    return settings


def raise_descriptor_limit() -> None:
    """Raise this process's limit of open files as far as the system allows, and log it."""
    old_limit, new_limit = file_descriptors.limit(), file_descriptors.raise_limit()
    facts = {
        "before": old_limit,
        "limit": new_limit,
        "connections": file_descriptors.budget(new_limit).connections,
    }
    logging.getLogger(__name__).info("descriptors", extra=facts)


@click.command()
@click.option("--host", help="Address to listen on. [env FIREBELL_HOST, default 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on. [env FIREBELL_PORT, default 8080]")
def serve(host: str | None, port: int | None) -> None:
    """Run Firebell: web and worker in one process."""
    garbage.collect_seldom()
    settings = load_settings(host=host, port=port)
    raise_descriptor_limit()

    async def main() -> None:
        if settings.database_url and not await _serve_saved_pages(settings):
            return
        async with database(settings, meanwhile=_import_process) as (dsn, ensure):
            await _serve(settings, dsn, ensure)

    run(main())


def _import_process() -> None:
    """Import what accepts alerts and pages people while the database starts."""
    from firebell import process  # noqa: F401 - for its time


async def _serve_saved_pages(settings: settings_.Settings) -> bool:
    from firebell import process

    return await process.serve_saved_pages(settings)


async def _serve(settings: settings_.Settings, dsn: str, ensure: Ensure) -> None:
    from firebell import process
    from firebell.setup import organization, token

    async with process.joined(settings, dsn, ensure) as prepared:
        click.echo(f"Firebell is running at {settings.public_url}", err=True)
        async with prepared.ctx.db.tx() as tx:
            if await organization.is_open(tx):
                click.echo(f"Set it up at {token.link(prepared.ctx)}", err=True)
        await process.serve(prepared, settings)


@click.command()
def work() -> None:
    """Run only the worker, next to other processes on the same database."""
    garbage.collect_seldom()
    settings = load_settings()
    raise_descriptor_limit()

    async def main() -> None:
        from firebell import process

        async with process.running(settings) as prepared:
            await process.work(prepared, settings)

    run(main())


@click.command()
def migrate() -> None:
    """Update the database to this version's schema and exit."""
    settings = load_settings()

    async def main() -> None:
        from firebell import process

        async with process.running(settings):
            click.echo("The database is up to date.")

    run(main())
