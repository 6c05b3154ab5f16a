"""What is said when the container engine or the image is missing, and the way from the SDK's errors to ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from bot.errors import SandboxUnavailable


class ImageMissing(SandboxUnavailable):
    """The engine answers, but has no image for the sandbox."""


def image_missing(image: str) -> ImageMissing:
    """The one sentence for an image that nobody has built yet."""
    return ImageMissing(f"The container engine has no image {image}: run `make image` on the worker's machine.")


def engine_missing(error: Exception) -> SandboxUnavailable:
    """The one sentence for an engine that is not installed, not running, or not ours to use."""
    reason = str(error).rstrip(".")
    return SandboxUnavailable(
        "No Docker engine answers: install Docker Engine, start it, and let this user reach its socket "
        f"(the engine's client said: {reason})."
    )


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn the SDK's own errors into SandboxUnavailable."""
    try:
        yield
    except APIError as error:
        raise SandboxUnavailable(f"The container engine could not {doing}: {error.explanation or error}") from error
    except (DockerException, RequestException) as error:
        raise SandboxUnavailable(f"The container engine could not {doing}: {error}") from error
