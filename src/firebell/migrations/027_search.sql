-- The words of a text as search compares them: without accents and punctuation, in lower case. Only functions of
-- PostgreSQL itself are used: pg_trgm and unaccent are not on every server. It never fails, because what it fails
-- for could not be stored: it reads the first 10,000 characters, and `to_tsvector` leaves out words that are too long.
-- `firebell.kit.search_terms.fold` is its counterpart.
do $migration$
declare
    folded text := 'left($1, 10000)';
begin
    -- other encodings have no normalization, and ASCII words are what such a database can be searched for
    if pg_catalog.getdatabaseencoding() = 'UTF8' then
        folded := $sql$regexp_replace(
            replace(replace(replace(replace(replace(
                translate(
                    regexp_replace(normalize(left($1, 10000), nfkd), '[\u0300-\u036f]', '', 'g'),
                    U&'\0142\0141\00f8\00d8\0111\0110\0127\0126\0131', 'lLoOdDhHi'
                ),
                U&'\00df', 'ss'), U&'\00e6', 'ae'), U&'\00c6', 'AE'), U&'\0153', 'oe'), U&'\0152', 'OE'),
            '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u303f]+', ' ', 'g'
        )$sql$;
    else
        folded := $sql$regexp_replace(left($1, 10000), '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u007f]+', ' ', 'g')$sql$;
    end if;
    -- its cost tells the planner to leave rows to the index; a function in SQL would be inlined, and look cheap
    execute format(
        'create function search_vector(text) returns tsvector'
        ' language plpgsql immutable strict parallel safe cost 1000'
        ' as $function$ begin return to_tsvector(''pg_catalog.simple''::regconfig, %s); end $function$',
        folded
    );
end
$migration$;

-- Without the pending list, whose flush would hold up the page that happens to fill it.
create index person_search on person using gin (search_vector(name || ' ' || email)) with (fastupdate = off);
create index team_search on team using gin (search_vector(name)) with (fastupdate = off);
create index service_search on service
    using gin (search_vector(name || ' ' || slug || ' ' || description)) with (fastupdate = off);
create index schedule_search on schedule using gin (search_vector(name)) with (fastupdate = off);
create index policy_search on policy using gin (search_vector(name)) with (fastupdate = off);
create index page_search on page using gin (search_vector(title)) with (fastupdate = off);
create index incident_search on incident
    using gin (search_vector(title || ' ' || summary)) with (fastupdate = off);
create index postmortem_search on postmortem using gin (search_vector(body)) with (fastupdate = off);
create index runbook_search on runbook using gin (search_vector(body)) with (fastupdate = off);
