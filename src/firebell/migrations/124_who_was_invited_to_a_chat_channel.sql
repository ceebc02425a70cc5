-- The users that Firebell invited, by person: only they are removed when they may no longer read.
alter table chat_room add column invited jsonb not null default '{}';

-- Everyone who belongs in an open private channel is invited once more, so that they are recorded.
update chat_object
set sent_hash = ''
from chat_room
where chat_room.private
    and chat_room.state = 'open'
    and chat_object.account_id = chat_room.account_id
    and chat_object.object_key = 'inc-' || chat_room.incident_id || '/invite';

update chat_want
set version = version + 1, due_at = least(due_at, now())
from chat_room
where chat_room.private
    and chat_room.state = 'open'
    and chat_want.account_id = chat_room.account_id
    and chat_want.target = 'inc-' || chat_room.incident_id;
