"""GitHub's own published descriptions, reduced to what this simulator serves and stripped of prose (see LICENSE files)."""
