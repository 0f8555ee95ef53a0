"""The whole hub as a process, watched from outside."""
