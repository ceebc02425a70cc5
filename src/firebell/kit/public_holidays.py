"""Public holidays by country and subdivision (pure; the library is imported on first use)."""

from datetime import date, timedelta

from firebell.kit.errors import Invalid


def of_year(country: str, subdivision: str, year: int) -> list[tuple[date, str]]:
    """Return (day, name) of the public holidays of a year, in order; raise Invalid for an unknown place.

    `country` is an ISO 3166 code such as DE; `subdivision` is a state or region such as BE, or empty.
    """
    import holidays
    from holidays.registry import EntityLoader

    if country not in set(EntityLoader.get_country_codes()):
        raise Invalid(
            f"Firebell knows no public holidays for the country {country!r}.",
            fields={"country": "Use an ISO 3166 code such as DE, FR or US."},
        )
    subdivisions = getattr(holidays, country).subdivisions  # imports one country of some 250
    if subdivision and subdivision not in subdivisions:
        raise Invalid(
            f"{country} has no subdivision {subdivision!r}.",
            fields={"subdivision": f"Use one of: {', '.join(subdivisions) or 'none'}."},
        )
    names_by_day = holidays.country_holidays(country, subdiv=subdivision or None, years=year)
    return sorted((day, name) for day, name in names_by_day.items() if day.year == year)


def holidays_of(country: str, subdivision: str, start: date, end: date) -> list[tuple[date, str]]:
    """Return (day, name) of the public holidays in `[start, end)`, in order."""
    last = end - timedelta(days=1)
    years = range(start.year, last.year + 1) if start < end else ()
    return [
        (day, name)
        for year in years
        for day, name in of_year(country, subdivision, year)
        if start <= day < end
    ]
