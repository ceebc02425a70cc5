-- Why a request or an offer ended although nobody took it back: who made it left, or is not on call then any more.
alter table cover add column why text not null default '';
alter table swap add column why text not null default '';
