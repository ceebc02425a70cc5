-- The version of the rule whose source started a mute: a process that has not heard of a change may start one of the old
-- version, which holds nothing. Null for mutes that are older than this column; they count as current.
alter table alert_mute add column inhibition_version text;
