-- The version of the rule whose source started a mute: a process that has not heard of a change may start one of the old
-- version, which holds nothing. Null for mutes that are older than this column; they count as current.
alter table alert_mute add column inhibition_version text;

-- What a threshold has counted in groups that closed before they paged: an alert that resolves and fires again is
-- counted on.
create index alert_group_counted on alert_group (service_id, key, closed_at)
    where hold is not null and released_at is null and closed_at is not null;
