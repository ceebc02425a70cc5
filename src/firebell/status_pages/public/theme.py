"""The look of a status page: its color, languages, logo and footer links (pure)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageLogo:
    """The logo of a page, as it is served."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class FooterLink:
    """A link at the foot of every document of a page, such as to the imprint."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class PageTheme:
    """The look of a page. `accent` is a color such as #0a7ea4, or empty; `locales` are the further languages."""

    accent: str = ""
    locale: str = "en"
    locales: tuple[str, ...] = ()
    logo: PageLogo | None = None
    footer_links: tuple[FooterLink, ...] = ()
