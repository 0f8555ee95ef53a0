"""Log lines become patterns, online: `mining` finds them, `masking` and `shapes` say what in a line is a value."""
