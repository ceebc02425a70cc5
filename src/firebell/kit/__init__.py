"""Foundations that know nothing about alerts or people."""
