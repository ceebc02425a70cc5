-- What on-call knows of pages: when an urgent one reached whom, for the rest after a bad night.
create view urgent_call as
    select d.person_id, d.page_id, d.sent_at as at
    from delivery d join page p on p.id = d.page_id
    where d.state = 'accepted' and d.page_id is not null and p.urgency = 'high';
