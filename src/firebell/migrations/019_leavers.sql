-- When people were gone, so that their past stays: one open stretch for whoever is not active.
create table person_gone (
    person_id bigint not null references person on delete cascade,
    since timestamptz not null,
    until timestamptz
);
create index person_gone_of_person on person_gone (person_id);
create unique index person_gone_now on person_gone (person_id) where until is null;
insert into person_gone (person_id, since)
select p.id, coalesce(
    (select min(a.at) from audit a
     where a.subject = 'person:' || p.id and a.action = 'person.changed' and a.detail->>'active' = 'false'
     and a.id > coalesce((select max(b.id) from audit b where b.subject = a.subject
                          and b.action = a.action and b.detail->>'active' = 'true'), 0)),
    p.created_at)
from person p where not p.active;
