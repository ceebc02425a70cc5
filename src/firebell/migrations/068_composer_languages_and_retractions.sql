-- What the composer writes beside the texts: translations of the public text by language, an estimate of the end, and
-- the subject of emails to customers, empty for the headline.
alter table comms_post
    add column eta_at timestamptz,
    add column translations jsonb not null default '{}',
    add column mail_subject text not null default '';

-- A text that was retracted is erased; its hash stays, so that the log still verifies.
alter table public_update_version alter column body drop not null;
alter table public_update_translation alter column body drop not null;
