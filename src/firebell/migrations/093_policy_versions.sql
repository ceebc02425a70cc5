-- Each version of a policy, to compare and to restore. Those of a deleted policy stay until they are too old, so that
-- undoing the deletion brings its history back: hence no reference.
create table policy_version (
    policy_id bigint not null,
    version int not null,
    levels jsonb not null,
    repeat int not null,
    ack_timeout_s int,
    actor text not null,
    actor_id bigint,
    at timestamptz not null,
    -- null: the current version
    replaced_at timestamptz,
    primary key (policy_id, version)
);
create index policy_version_replaced on policy_version (replaced_at) where replaced_at is not null;

insert into policy_version (policy_id, version, levels, repeat, ack_timeout_s, actor, at)
select id, version, levels, repeat, ack_timeout_s, 'Firebell', created_at
from policy;

-- the open pages of a policy, to which an edit can be applied
create index page_policy on page (policy_id) where state not in ('resolved', 'merged');

insert into due (kind, key, due_at) values ('kit.retention', 'policy_version', now() + interval '1 day');
