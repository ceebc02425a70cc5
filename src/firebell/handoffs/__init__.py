"""Handing a shift over: the document, and what people are told before, at and after their shifts."""
