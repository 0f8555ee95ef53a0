"""The gateway's HTTP: sign-in, health, the API's own pages, the console, and the one error envelope."""
