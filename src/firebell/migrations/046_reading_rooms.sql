-- Channels of chats that do not send their events are read: `read_at` is when that was last begun, `read_until` the
-- last change that was read.
alter table chat_room
    add column read_at timestamptz,
    add column read_until timestamptz;
