-- When a closed incident was last reopened: its next update is due one interval after that (spec 4.2).
alter table incident add column reopened_at timestamptz;
update incident
set reopened_at = (
    select max(effective_at)
    from incident_transition
    where incident_id = incident.id
        and before = 'closed'
        and after = 'investigating'
)
where reopen_count > 0;
