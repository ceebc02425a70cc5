"""Public holidays by country and part of a country (pure; the library is loaded at first use)."""

from datetime import date, timedelta

from firebell.kit.errors import Invalid


def public(country: str, subdivision: str, year: int) -> list[tuple[date, str]]:
    """Return the public holidays of a year with their names, in order; raise `Invalid` for an unknown place.

    `country` is an ISO 3166 code such as DE, `subdivision` a part of it such as BE, or empty for the whole.
    """
    import holidays

    known = holidays.list_supported_countries()
    if country not in known:
        raise Invalid(
            f"Firebell knows no public holidays for the country {country!r}.",
            fields={"country": "Use an ISO 3166 code such as DE, FR or US."},
        )
    if subdivision and subdivision not in known[country]:
        raise Invalid(
            f"{country} has no subdivision {subdivision!r}.",
            fields={"subdivision": f"Use one of: {', '.join(known[country]) or 'none'}."},
        )
    found = holidays.country_holidays(country, subdiv=subdivision or None, years=year)
    return sorted((day, name) for day, name in found.items() if day.year == year)


def holidays_of(country: str, subdivision: str, a: date, b: date) -> list[tuple[date, str]]:
    """Return the public holidays of the days `[a, b)`."""
    last = b - timedelta(days=1)
    years = range(a.year, last.year + 1) if a < b else ()
    return [(d, n) for year in years for d, n in public(country, subdivision, year) if a <= d < b]
