"""The demo organization with a year of history, created through the product's own actions."""
