-- Whether an imported layer lies above or below the rotations of its schedule. A shift keeps the place that it had:
-- what has been is not decided anew when its calendar is put elsewhere.
alter table calendar_import add column place text not null default 'above'
    check (place in ('above', 'below') and (place = 'above' or use = 'layer'));
alter table calendar_shift add column place text not null default 'above' check (place in ('above', 'below'));
