"""Several runs or specs seen together: what was decided otherwise, and what came of it."""
