"""Acknowledging pages: by people, by links, and what becomes of the pages of people who leave."""
