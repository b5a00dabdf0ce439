"""The process in which the user's code runs: an endless loop or a crash in it never harms the window."""
