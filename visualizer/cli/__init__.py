"""The command line, derived from the declarations. Importing it imports neither Qt nor torch nor numpy."""
