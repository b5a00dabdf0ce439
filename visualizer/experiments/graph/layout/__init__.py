"""Layered drawing of graphs with groups; ``contract`` is the door."""
