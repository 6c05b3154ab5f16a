"""The only caller of GitHub: authentication, reads, idempotent effects, commits, review threads and checks."""
