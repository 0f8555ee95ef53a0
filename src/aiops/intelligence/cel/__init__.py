"""The language of people's rules, judged in a process of its own that can stall nothing."""
