"""A worker's hands against a simulated GitHub, for what is measured or tried without the worker's own process."""

from __future__ import annotations

from pathlib import Path

from bot.settings import load_settings
from bot.store import Store
from simulator.github.server import GitHubServer
from workflows import hands
from workflows.steps import conversation, preparation


def hands_at(github: GitHubServer, store: Store, home: Path, **settings: str) -> hands.Hands:
    """Hands that are the current ones from now on, without a pause between writes; `settings` are further variables.

    Whoever asked for them closes them.
    """
    environ = {
        "GITHUB_API_URL": github.url,
        "GITHUB_APP_ID": str(github.app_id),
        "GITHUB_PRIVATE_KEY": github.private_key,
        "GITHUB_WEBHOOK_SECRET": github.webhook_secret,
        "ANTHROPIC_API_KEY": "none",
        "RFCSMITH_HOME": str(home),
        "RFCSMITH_WRITE_PAUSE": "0",
        **settings,
    }
    made = hands.make(
        load_settings(environ),
        store,
        stop_watch=conversation.stop_watch,
        bring=preparation.bring,
        furnish=preparation.furnish,
    )
    hands.use(made)
    return made
