"""Measurements against limits and rivals; see README.md."""
