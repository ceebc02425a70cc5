"""Imports and compiles what a Firebell process needs, once for all of its forks; only `prefork` loads it."""

from fastapi import APIRouter

from firebell import app, event_subscriptions, worker
from firebell.commands import serve as serve
from firebell.kit.db import database
from firebell.kit.web import html
from tests import compiled_templates, garbage

compiled_templates.share()
# a server would open eleven connections in advance, each a process of PostgreSQL; with none, a database that cannot
# be reached would be noticed later
database.WARM = 1
# to include it again analyzes all routes, which a server would do for each router on its first request
APIRouter().include_router(app._product_routes().router)
event_subscriptions.build()
event_subscriptions.composers()
worker.timer_handlers()
templates = html._environment()
for name in templates.list_templates():
    templates.get_template(name)
# a collection would write to memory that the forks share
garbage.keep()
garbage.collect_seldom()
