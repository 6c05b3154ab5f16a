"""A local GitHub and a local Messages API for the demo, tests and benchmarks; imports nothing from bot or workflows."""
