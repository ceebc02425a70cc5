"""Search everything that a person may see, for the palette, the search screen, the API and the CLI."""
