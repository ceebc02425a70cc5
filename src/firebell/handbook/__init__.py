"""The handbook: chapters, and the templates of every text that Firebell writes."""
