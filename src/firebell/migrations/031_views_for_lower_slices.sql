-- What a slice below may read of a table above it; the declaration of the owner says why.

-- The pages of a group of alerts.
create view group_page as
    select subject_id as group_id, id as page_id from page where subject_kind = 'group';

-- The incidents of a page.
create view page_incident as select page_id, incident_id from incident_page;

-- How far the post-mortem of an incident is.
create view incident_postmortem as select incident_id, state, due_at from postmortem;
