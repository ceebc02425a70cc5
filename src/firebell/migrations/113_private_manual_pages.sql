-- A page by hand for a private incident: everyone sees it, and only whom it reaches reads why.
alter table manual_page add column is_private boolean not null default false;

-- who was paged by hand for a private incident may read it, as those whom its own page reached
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
    select page_owner.person_id
    from incident_page
    join page on page.id = incident_page.page_id
        and page.subject_kind in ('incident', 'manual')
    join page_owner on page_owner.page_id = page.id
    where incident_page.incident_id = incident.id
    union
    select delivery.person_id
    from incident_page
    join page on page.id = incident_page.page_id
        and page.subject_kind in ('incident', 'manual')
    join delivery on delivery.subject_kind = 'page'
        and delivery.subject_id = page.id
    where incident_page.incident_id = incident.id
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
