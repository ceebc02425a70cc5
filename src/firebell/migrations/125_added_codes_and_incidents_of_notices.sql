-- A message that is sent again changes given_at, but not how old its code is.
alter table reply_code add column added_at timestamptz;
update reply_code set added_at = given_at;
alter table reply_code alter column added_at set not null;

-- The incident that a notice names; 0 if it names none, or only what anyone may read.
alter table notice add column incident_id bigint not null default 0;
