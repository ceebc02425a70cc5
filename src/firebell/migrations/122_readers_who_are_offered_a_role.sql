-- Who is offered a role of a private incident has to read it to accept or decline.
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
    select role_offer.to_id
    from role_offer
    where role_offer.incident_id = incident.id
        and role_offer.answer is null
        and incident.phase <> all(array['closed', 'reviewed', 'dismissed', 'merged'])
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
