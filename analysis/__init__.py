"""Analysis: pure functions from recordings to numbers and figures."""
