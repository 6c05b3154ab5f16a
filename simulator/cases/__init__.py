"""The public cases, one folder each; `README.md` documents the format, `python -m simulator.cases` proves that they stand."""
