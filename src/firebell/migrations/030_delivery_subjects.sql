-- What a message is about: a page, a stored notice, a contact method under test, a source that cannot be read.
-- `reason` named the id too, such as shift-12; it keeps the word alone.
alter table delivery add column subject_kind text, add column subject_id bigint;
update delivery
set subject_kind = case
        when page_id is not null then 'page'
        when reason = 'test' then 'test'
        when reason like 'source-%' then 'source'
        else 'notice'
    end,
    subject_id = case
        when page_id is not null then page_id
        when reason = 'test' then method_id
        else split_part(reason, '-', 2)::bigint
    end,
    reason = case when page_id is null then split_part(reason, '-', 1) else reason end;
alter table delivery alter column subject_kind set not null, alter column subject_id set not null;
create index delivery_subject on delivery (subject_kind, subject_id, id);

-- The page of a message about a page follows from its subject; the key makes sure that the page exists.
-- Dropping the column drops its index, delivery_page, which the one above replaces.
drop view urgent_call;
alter table delivery drop column page_id;
alter table delivery
    add column page_id bigint generated always as (case when subject_kind = 'page' then subject_id end) stored
        references page on delete cascade;
create view urgent_call as
select delivery.person_id, delivery.page_id, delivery.sent_at "at"
from delivery
join page on page.id = delivery.subject_id
where delivery.subject_kind = 'page'
    and delivery.state = 'accepted'
    and page.urgency = 'high';

-- Which plan of a subject is in force: a message of an older one is never sent. A subject without a plan has no row.
create view subject_plan as
select 'page'::text subject_kind, id subject_id, epoch
from page;

-- The channels are declared in code, one file each: which kinds there are, and which of them are signed.
alter table contact_method drop constraint contact_method_kind_check, drop constraint contact_method_check;
