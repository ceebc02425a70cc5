"""The actions on incidents for other slices, the web and the API, each from the room that has it."""

from firebell.incidents import (
    customer_reports,
    linked_pages,
    lookup,
    store,
    type_and_visibility,
    visibility_store,
)
from firebell.incidents.canvas import actions as canvas_actions
from firebell.incidents.checks import fact_store
from firebell.incidents.closing import baseline_actions as closing_actions
from firebell.incidents.closing import condition_sources, final_facts_store
from firebell.incidents.closing import queries as closing_queries
from firebell.incidents.closing import rules as closing_rules
from firebell.incidents.declaring import actions as declaring_actions
from firebell.incidents.declaring import backfilling, reporting, similar_queries
from firebell.incidents.incident_list import store as list_store
from firebell.incidents.messages import queries as message_queries
from firebell.incidents.phases import actions as phase_actions
from firebell.incidents.phases import lifecycle
from firebell.incidents.relations import actions as relation_actions
from firebell.incidents.relations import merging
from firebell.incidents.roles import actions as role_actions
from firebell.incidents.roles import ending as role_ending
from firebell.incidents.roles import reminder_recipients as role_recipients
from firebell.incidents.roles import rules as role_rules
from firebell.incidents.severity_changes import actions as severity_actions
from firebell.incidents.timeline import actions as timeline_actions
from firebell.incidents.timeline import (
    entry_actions,
    graph_drawing,
    graph_queries,
    graph_svg,
    runbook_entries,
)
from firebell.incidents.timeline import impact_graph as impact_graphs
from firebell.incidents.timeline import store as timeline_store
from firebell.incidents.update_deadlines import actions as update_actions
from firebell.incidents.update_deadlines import rules as update_rules

ClosingCondition = closing_rules.ClosingCondition
ConditionSource = condition_sources.ConditionSource
DrawnGraph = graph_drawing.DrawnGraph
ImpactGraph = impact_graphs.ImpactGraph
STABLE_TIMER = phase_actions.STABLE_TIMER
UPDATE_DUE_TIMER = update_actions.UPDATE_DUE_TIMER
add_entry = timeline_actions.add_entry
answer_report = customer_reports.answer_report
attach_page = linked_pages.attach_page
backfill = backfilling.backfill
can_hold_roles = role_rules.can_hold_roles
closing_conditions = closing_queries.conditions
check_regressions = phase_actions.check_regressions
customers_of = final_facts_store.customers_of
declare = declaring_actions.declare
declare_reported = reporting.declare_reported
drawn_graph = graph_drawing.drawn
final_facts = final_facts_store.final_facts
end_lost_roles_of = role_ending.end_lost_roles_of
firing_at = fact_store.firing_at
hidden_ids = visibility_store.hidden_ids
impact_graph = graph_queries.impact_graph
incident = lookup.incident
incident_of_page = store.incident_of_page
incidents = list_store.in_phases
incidents_by_id = store.incidents_by_id
last_entry_at = store.last_entry_at
last_raise = store.last_raise
link_manual_page = linked_pages.link_manual_page
link_page = linked_pages.link_page
lock_free = store.lock_free
locked = lookup.locked
matching = list_store.incidents
merge = merging.merge
message = message_queries.message
next_update_text = message_queries.next_update_text
note_overdue_updates = update_actions.note_overdue_updates
note_stable_incidents = phase_actions.note_stable_incidents
open_tasks_condition = closing_rules.open_tasks
page_ids = store.page_ids
postmortem_required = lifecycle.postmortem_required
published_condition = closing_rules.published
readers_among = visibility_store.readers_among
readers_of_open = visibility_store.readers_of_open
readers_or_managers = role_recipients.readers_or_managers
record_entry = timeline_actions.record_entry
record_runbook_step = runbook_entries.record_runbook_step
record_report = customer_reports.record_report
refusals = phase_actions.refusals
relate = relation_actions.relate
related = relation_actions.related
release_role = role_actions.release_role
reminder_recipients = role_recipients.reminder_recipients
report = reporting.report
reports_open_at = fact_store.reports_open_at
review_without_postmortem = phase_actions.review_without_postmortem
roles = store.roles
services = store.services
set_canvas = canvas_actions.set_canvas
set_drill_clock = update_actions.set_drill_clock
set_phase = phase_actions.set_phase
set_severity = severity_actions.set_severity
set_type = type_and_visibility.set_type
set_update_due = update_actions.set_update_due
severity_meaning = message_queries.severity_meaning
severity_texts = message_queries.severities
sign_baseline = closing_actions.sign_baseline
similar_incidents = similar_queries.similar_incidents
standalone_svg = graph_svg.standalone_svg
strike_entry = entry_actions.strike_entry
survivor = lookup.survivor
take_role = role_actions.take_role
timeline = timeline_store.timeline
timelines = timeline_store.timelines
triage_incidents_of_page = reporting.triage_incidents_of_page
unrelate = relation_actions.unrelate
update_interval = update_rules.update_interval
withdraw_review = phase_actions.withdraw_review
