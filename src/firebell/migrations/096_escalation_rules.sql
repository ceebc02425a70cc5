-- The time zone of the hours in the conditions of levels.
alter table policy add column tz text not null default 'UTC';
alter table policy_version add column tz text not null default 'UTC';

-- Who has acknowledged a page since it was last triggered (0: API keys and sources together), how many have to, and
-- whose turn it was at its levels with round robin, as [level, round, [person ids]].
alter table page
    add column acks jsonb not null default '[]',
    add column acks_needed int not null default 1,
    add column turns jsonb not null default '[]';

-- The people of each policy with round robin by their last turn, earliest first. Its row is the lock under which turns
-- are taken. It has no reference to the policy: taking a turn must not wait for someone who edits it.
create table policy_rotation (
    policy_id bigint primary key,
    person_ids jsonb not null default '[]'
);
