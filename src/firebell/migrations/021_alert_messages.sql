-- Which stored messages (rows of `event`) an alert came from: the first, and the newest of the others. No foreign key:
-- an alert outlives its messages, which are kept 30 days.
alter table alert add column message_ids bigint[] not null default '{}';

-- The pages of an alert's group, also those that are resolved.
create index page_of_group on page (subject_id) where subject_kind = 'group';
