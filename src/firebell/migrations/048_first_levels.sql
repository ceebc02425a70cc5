-- The messages of first levels are claimed in turns with all others, so that a new page waits for no storm of
-- escalations. Most messages are of first levels, and leave the index when they are sent.
create index delivery_first_level on delivery (rank, send_at, id)
    where state in ('queued', 'sending') and level = 0 and round = 0 and epoch > 0;

-- The monthly report reads when messages about pages reached people, from the index alone.
drop index delivery_arrived;
create index delivery_arrived on delivery (sent_at) include (person_id, subject_id)
    where state = 'accepted' and subject_kind = 'page';
