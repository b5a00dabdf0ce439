"""The losses tab."""
