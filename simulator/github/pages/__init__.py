"""Pages for people: issues, pull requests, code and webhooks of the simulated GitHub, to read and to act on."""
