"""The names and descriptions of groups and components in the languages of their page."""
