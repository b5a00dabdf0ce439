"""The pages of the graph tab, a module each: what it computes, draws, explains, and the code that reproduces it."""
