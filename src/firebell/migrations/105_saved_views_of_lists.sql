-- Saved views of the lists of alerts and pages too, in an order of their owner's, from 1.
alter table saved_view add column list text not null default 'incidents';
alter table saved_view add column position int not null default 0;
update saved_view
set position = ordered.position
from (
    select id, row_number() over (partition by owner_id order by lower(name), id) as position
    from saved_view
) ordered
where ordered.id = saved_view.id;
alter table saved_view alter column list drop default;
alter table saved_view alter column position drop default;
drop index saved_view_name;
create unique index saved_view_name on saved_view (owner_id, list, lower(name));
drop index saved_view_shared;
create index saved_view_shared on saved_view (list, id) where shared;
