-- A key keeps no scope that the role of its owner does not include: it would become real on a promotion.
update api_key k
set scopes = array(
    select s
    from unnest(k.scopes) s
    where (s <> 'admin' or p.role = 'admin') and (p.role <> 'viewer' or s like '%:read')
)
from person p
where p.id = k.person_id;

-- One that is left with none could do nothing any more.
update api_key
set revoked_at = coalesce(last_used_at, created_at)
where scopes = '{}' and revoked_at is null;
