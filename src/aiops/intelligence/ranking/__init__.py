"""Which column of a table of metrics is the cause: before and after a fault are compared, nothing else is needed."""
