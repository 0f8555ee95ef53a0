"""Owns the door: who are you, what may you, and one envelope for every error."""
