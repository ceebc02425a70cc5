"""Relabelings: changes of the status that a component has in the history of a status page."""
