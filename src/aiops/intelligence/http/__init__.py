"""Intelligence over HTTP."""
