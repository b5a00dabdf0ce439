"""The graphs that can be picked, as the programs that build them."""
