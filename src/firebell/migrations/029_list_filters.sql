-- The filters of the lists of pages and incidents read these in the order that the lists show.
create index page_of_team on page (team_id, state, id);
create index page_of_urgency on page (urgency, state, id);
create index page_triggered on page (state, triggered_at);
create index page_owner_of_person on page_owner (person_id, page_id);

create index incident_declared on incident (declared_at);
create index incident_longest on incident (
    coalesce(
        date_part('epoch', closed_at - declared_at),
        1e12 - date_part('epoch', declared_at - timestamptz '1970-01-01 00:00:00+00')
    ),
    id
);
create index incident_drill on incident (id) where drill;
create index incident_severity on incident (severity, id);
create index incident_commander on incident_role (person_id, incident_id)
    where role = 'commander' and until_at is null;
create index postmortem_open on postmortem (incident_id) where state <> 'published';
