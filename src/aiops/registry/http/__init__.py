"""The registry over HTTP, one file for each thing that can be asked for."""
