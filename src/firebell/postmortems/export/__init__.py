"""Exports of a document: Markdown, HTML, JSON and PDF."""
