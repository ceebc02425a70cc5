"""The SQL of similar incidents: profiles, terms and their frequencies, and who is compared with whom."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from firebell.incidents.model import Phase
from firebell.kit.db.database import Tx
from firebell.postmortems.similar.scoring import IncidentProfile

ALERTS_READ = 50
"""Number of alerts of an incident whose titles and rules are compared."""
CANDIDATES = 200
"""Number of incidents that share the most weight of terms, of which the score is computed."""
RELATED_CANDIDATES = 50
"""Number of newest incidents of the same rules, and of the same services, of which it is computed too."""
_COMPARED_PHASES = (Phase.CLOSED, Phase.REVIEWED)


@dataclass(frozen=True, slots=True)
class IncidentTexts:
    """The facts of an incident that a profile is made of, and its texts beside the timeline."""

    texts: list[str]
    service_ids: list[int]
    rules: list[str]
    factors: list[str]
    is_compared: bool


@dataclass(frozen=True, slots=True)
class SimilarityCandidate:
    """An incident that may be alike; `cosine` is that of the heaviest terms."""

    incident_id: int
    profile: IncidentProfile
    cosine: float


async def texts(tx: Tx, incident_id: int) -> IncidentTexts | None:
    """Return what an incident is compared by, None if there is no such incident."""
    row = await tx.row(
        """
        with fired as (
            select alert.title, alert.labels ->> 'alertname' as rule
            from incident_page
            join page on page.id = incident_page.page_id
            join alert on alert.group_id = page.subject_id
            where incident_page.incident_id = $1
                and page.subject_kind = 'group'
            order by alert.id
            limit $3
        )
        select
            array[incident.title, incident.summary, incident.conditions]
                || array(select distinct title from fired)
                || array(select distinct rule from fired where rule is not null) as texts,
            array(
                select service_id
                from incident_service
                where incident_id = $1
                order by service_id
            ) as service_ids,
            array(select distinct rule from fired where rule is not null order by rule) as rules,
            coalesce(
                (
                    select search.factors
                    from postmortem_incident about
                    join postmortem_search search on search.postmortem_id = about.postmortem_id
                    where about.incident_id = $1
                ),
                '{}'
            ) as factors,
            incident.phase = any($2::text[]) and not incident.drill as is_compared
        from incident
        where incident.id = $1
        """,
        incident_id,
        [str(phase) for phase in _COMPARED_PHASES],
        ALERTS_READ,
    )
    return IncidentTexts(**dict(row)) if row else None


async def save_profile(tx: Tx, incident_id: int, read: IncidentTexts, terms: Collection[str]) -> None:
    """Store the profile of an incident."""
    await tx.execute(
        """
        insert into incident_profile (incident_id, terms, service_ids, rules, factors, is_compared)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (incident_id) do update
        set terms = excluded.terms,
            service_ids = excluded.service_ids,
            rules = excluded.rules,
            factors = excluded.factors,
            is_compared = excluded.is_compared
        """,
        incident_id,
        list(terms),
        read.service_ids,
        read.rules,
        read.factors,
        read.is_compared,
    )


async def save_terms(tx: Tx, incident_id: int, weights: Mapping[str, float]) -> None:
    """Replace the weighed terms of an incident; what stays the same is not written."""
    await tx.execute(
        """
        delete from document_term
        where incident_id = $1
            and term <> all($2::text[])
        """,
        incident_id,
        list(weights),
    )
    await tx.execute(
        """
        insert into document_term (incident_id, term, weight)
        select $1, term, weight
        from unnest($2::text[], $3::real[]) as weighed (term, weight)
        on conflict (incident_id, term) do update
        set weight = excluded.weight
        where document_term.weight <> excluded.weight
        """,
        incident_id,
        list(weights),
        list(weights.values()),
    )


async def frequencies(tx: Tx, terms: Sequence[str]) -> dict[str, int]:
    """Return in how many documents terms occur, as of last night."""
    rows = await tx.fetch(
        """
        select term, documents
        from term_frequency
        where term = any($1::text[])
        """,
        list(terms),
    )
    return {row["term"]: row["documents"] for row in rows}


async def count_compared(tx: Tx, at_most: int | None = None) -> int:
    """Return the number of incidents that others are compared with, or `at_most`."""
    number: int = await tx.value(
        """
        select count(*)
        from (
            select
            from incident_profile
            where is_compared
            limit $1
        ) counted
        """,
        at_most,
    )
    return number


async def count_terms(tx: Tx) -> None:
    """Count in how many documents each term occurs; private incidents do not count."""
    await tx.execute(
        """
        with counted as (
            select term, count(*) as documents
            from incident_profile
            join incident on incident.id = incident_profile.incident_id
            cross join unnest(incident_profile.terms) term
            where incident_profile.is_compared
                and incident.visibility = 'open'
            group by term
            having count(*) > 1
        ),
        gone as (
            delete from term_frequency
            where not exists (
                select
                from counted
                where counted.term = term_frequency.term
            )
        )
        insert into term_frequency (term, documents)
        select term, documents
        from counted
        on conflict (term) do update
        set documents = excluded.documents
        where term_frequency.documents <> excluded.documents
        """
    )


async def incidents_after(tx: Tx, incident_id: int, limit: int) -> list[int]:
    """Return incidents after an id that others may be compared with, in order."""
    rows = await tx.fetch(
        """
        select id
        from incident
        where id > $1
            and phase = any($2::text[])
            and not drill
        order by id
        limit $3
        """,
        incident_id,
        [str(phase) for phase in _COMPARED_PHASES],
        limit,
    )
    return [row["id"] for row in rows]


async def profile(tx: Tx, incident_id: int) -> IncidentProfile | None:
    """Return the stored profile of an incident, None if it has none yet."""
    row = await tx.row(
        """
        select service_ids, rules, factors
        from incident_profile
        where incident_id = $1
        """,
        incident_id,
    )
    return _profile(row["service_ids"], row["rules"], row["factors"]) if row else None


async def candidates(
    tx: Tx, incident_id: int, target: IncidentProfile, hidden: Sequence[int]
) -> list[SimilarityCandidate]:
    """Return the incidents that may be like this one, without `hidden`: by terms, by alert rules and by services."""
    rows = await tx.fetch(
        f"""
        with by_terms as (
            select other.incident_id, sum(target.weight * other.weight) as cosine
            from document_term target
            join document_term other on other.term = target.term
            where target.incident_id = $1
                and other.incident_id <> $1
            group by other.incident_id
        ),
        heaviest as (
            select by_terms.incident_id
            from by_terms
            join incident_profile on incident_profile.incident_id = by_terms.incident_id
            where incident_profile.is_compared
                and by_terms.incident_id <> all($2::bigint[])
            order by by_terms.cosine desc, by_terms.incident_id desc
            limit {CANDIDATES}
        ),
        same_rules as (
            select incident_id
            from incident_profile
            where rules && $3::text[]
                and is_compared
                and incident_id <> all($2::bigint[])
            order by incident_id desc
            limit {RELATED_CANDIDATES}
        ),
        same_services as (
            select incident_id
            from incident_profile
            where service_ids && $4::bigint[]
                and is_compared
                and incident_id <> all($2::bigint[])
            order by incident_id desc
            limit {RELATED_CANDIDATES}
        ),
        chosen as (
            select incident_id from heaviest
            union
            select incident_id from same_rules
            union
            select incident_id from same_services
        )
        select
            incident_profile.incident_id,
            incident_profile.service_ids,
            incident_profile.rules,
            incident_profile.factors,
            coalesce(by_terms.cosine, 0)::float8 as cosine
        from chosen
        join incident_profile on incident_profile.incident_id = chosen.incident_id
        left join by_terms on by_terms.incident_id = chosen.incident_id
        where chosen.incident_id <> $1
        """,
        incident_id,
        list(hidden),
        sorted(target.rules),
        sorted(target.service_ids),
    )
    return [
        SimilarityCandidate(
            row["incident_id"],
            _profile(row["service_ids"], row["rules"], row["factors"]),
            min(1.0, row["cosine"]),
        )
        for row in rows
    ]


def _profile(service_ids: Sequence[int], rules: Sequence[str], factors: Sequence[str]) -> IncidentProfile:
    return IncidentProfile(frozenset(service_ids), frozenset(rules), frozenset(factors))
