-- A manual page for a private incident: everyone sees it, but only the people it reaches see why.
alter table manual_page
    add column is_private boolean not null default false,
    -- the incident that it was started for, null for one that was only linked to an incident
    add column incident_id bigint;
create index manual_page_of_incident on manual_page (incident_id) where incident_id is not null;
create index page_of_incident on page (subject_id) where subject_kind = 'incident';

-- the timeline of an incident has the pages that were started for it; a linked one has another kind of entry
update manual_page
set incident_id = timeline_entry.incident_id
from timeline_entry
where timeline_entry.kind = 'paged'
    and timeline_entry.data->>'page' = manual_page.page_id::text;

-- People reached by an incident's own page, or by a manual page started for it, may read it. Acknowledging such a page
-- grants no access, nor does a page that was linked or came with a merge.
create or replace view private_incident as
select incident.id incident_id, array(
    select incident.declared_by
    where incident.declared_by is not null
    union
    select incident_role.person_id
    from incident_role
    where incident_role.incident_id = incident.id
        and incident_role.until_at is null
    union
    select delivery.person_id
    from page
    join delivery on delivery.subject_kind = 'page'
        and delivery.subject_id = page.id
    where page.subject_kind = 'incident'
        and page.subject_id = incident.id
    union
    select delivery.person_id
    from manual_page
    join delivery on delivery.subject_kind = 'page'
        and delivery.subject_id = manual_page.page_id
    where manual_page.incident_id = incident.id
) readers
from incident
where incident.visibility = 'private';

update manual_page
set is_private = true
from incident_page
join incident on incident.id = incident_page.incident_id
where incident_page.page_id = manual_page.page_id
    and incident.visibility = 'private';

update page
set title = case when starts_with(page.title, 'DRILL ') then 'DRILL ' else '' end
    || manual_page.actor || ': private incident'
from manual_page
where manual_page.page_id = page.id
    and manual_page.is_private;

update page_log
set text = manual_page.actor || ' paged ' || manual_page.target_name || '.'
from manual_page
where manual_page.page_id = page_log.page_id
    and manual_page.is_private
    and page_log.kind = 'triggered';

-- everyone reads handoffs, so those that exist lose the lines about private incidents, their items and these pages
with hidden (ref) as (
    select 'INC-' || id
    from incident
    where visibility = 'private'
    union all
    select 'ACT-' || action_item.id
    from action_item
    join incident on incident.id = action_item.incident_id
    where incident.visibility = 'private'
    union all
    select 'PG-' || page_id
    from manual_page
    where is_private
),
kept_line (handoff_id, body) as (
    select handoff.id, coalesce(
        string_agg(line.text, E'\n' order by line.number) filter (where not exists (
            select
            from regexp_matches(line.text, '\m(?:INC|ACT|PG)-[0-9]+\M', 'gi') named (refs)
            where upper(named.refs[1]) in (select ref from hidden)
        )),
        ''
    )
    from handoff
    cross join string_to_table(handoff.body, E'\n') with ordinality line (text, number)
    group by handoff.id
)
update handoff
set body = kept_line.body,
    version = handoff.version + 1
from kept_line
where kept_line.handoff_id = handoff.id
    and kept_line.body <> handoff.body;
