-- The code by which a page is answered stays its own while it is open.
create or replace view subject_plan as
select 'page'::text subject_kind, id subject_id, epoch, state not in ('resolved', 'merged') is_open
from page;
