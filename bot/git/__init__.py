"""The host's own clones; the only part that runs git, and the only one that sees a token outside the GitHub client."""

from bot.git.clone import FileStat, Git, LogEntry
from bot.git.process import GitError
from bot.git.workspace import Bounds

__all__ = ["Bounds", "FileStat", "Git", "GitError", "LogEntry"]
