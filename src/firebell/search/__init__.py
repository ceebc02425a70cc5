"""One search over everything that a person may see, for the palette, the search page, the API and the terminal."""
