"""Search by meaning over log patterns: texts become vectors, by a local model or an endpoint."""
