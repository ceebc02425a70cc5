"""Imports and compiles what a Firebell process needs, once for all forks: of `prefork` and of `forked_workers`."""

from firebell import app, event_subscriptions, worker
from firebell import process as process
from firebell.commands import serve as serve
from firebell.handbook import shipped_content
from firebell.kit import http_out, localtime, public_holidays
from firebell.kit.db import migrate
from firebell.kit.web import html, static_files
from firebell.kit.web.routing import LateRoute
from firebell.regulatory.regimes import files as regime_files
from tests import compiled_templates, garbage

compiled_templates.share()
for router in app.routers():
    for route in router.routes:
        if isinstance(route, LateRoute):
            route.analyze()
event_subscriptions.build()
event_subscriptions.composers()
worker.timer_handlers()
templates = html._environment()
for name in templates.list_templates():
    templates.get_template(name)
# what each process reads once, when it is first needed
shipped_content.shipped()
public_holidays.of_year("DE", "", 2026)
regime_files.catalog()
migrate.available()
localtime.zone_names()
static_files.version()
http_out._trusted_authorities()
# a collection would write to memory that the forks share
garbage.keep()
garbage.collect_seldom()
