"""Sends webhooks as GitHub does: signed, ten seconds to answer, never again by itself, and logged for redelivery.

One worker thread sends one delivery after the other. Knobs make it as unkind as the real thing may be: `duplicate`,
`reorder`, `delay`, `drop` and `bad_signature`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests

from simulator.github.events import ALWAYS, Event
from simulator.github.place import stamp
from simulator.github.state import App, World

TIMEOUT = 10.0
BIGGEST = 25 * 1024 * 1024


@dataclass
class Hook:
    """Where an App's webhooks go, and how unkindly. `duplicate` is how many more times each is sent; `drop` and
    `bad_signature` count down, one a delivery; `delay` is seconds before each; `reorder` shuffles what waits."""

    url: str | None = None
    secret: str = ""
    duplicate: int = 0
    drop: int = 0
    bad_signature: int = 0
    delay: float = 0.0
    reorder: bool = False


@dataclass(eq=False)
class Delivery:
    """One attempt to tell one App of one event."""

    id: int
    guid: str
    event: Event
    url: str
    redelivery: bool = False
    delivered_at: datetime | None = None
    duration: float = 0.0
    status: str = "pending"
    status_code: int = 0
    request_headers: dict[str, str] = field(default_factory=dict)
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str = ""

    def item(self) -> dict[str, Any]:
        """A `hook-delivery-item`."""
        installation, repository = self.event.installation, self.event.repository
        return {
            "id": self.id,
            "guid": self.guid,
            "delivered_at": stamp(self.delivered_at),
            "redelivery": self.redelivery,
            "duration": self.duration,
            "status": self.status,
            "status_code": self.status_code,
            "event": self.event.name,
            "action": self.event.action,
            "installation_id": installation.id if installation else None,
            "repository_id": repository.id if repository else None,
            "throttled_at": None,
        }

    def full(self) -> dict[str, Any]:
        """A `hook-delivery`, with what was sent and answered."""
        response = {"headers": dict(self.response_headers), "payload": self.response_body}
        request = {"headers": dict(self.request_headers), "payload": self.event.payload}
        return {**self.item(), "url": self.url, "request": request, "response": response}


class Deliveries:
    """The log of deliveries and the worker that makes them."""

    def __init__(self, world: World, complain: Callable[[str], None]) -> None:
        self.hook = Hook()
        self.world = world
        self.log: list[Delivery] = []
        self._complain = complain
        self._random = random.Random(20_080_410)
        self._waiting: queue.Queue[Delivery | None] = queue.Queue()
        self._unfinished = 0
        self._idle = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="github-webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Sends nothing more."""
        self._waiting.put(None)
        self._thread.join(TIMEOUT + 5)

    def send(self, event: Event) -> None:
        """Enqueues an event for its App, if that has a webhook and listens to it."""
        if self.hook.url is None or not event.app.public_key:
            return
        if event.name not in ALWAYS and event.name not in event.app.events:
            return
        guid = str(uuid.uuid4())
        for _ in range(1 + self.hook.duplicate):
            self._enqueue(Delivery(self.world.new_id(), guid, event, self.hook.url), into_log=True)

    def redeliver(self, old: Delivery) -> Delivery:
        """Sends an event again: a new delivery under the same GUID."""
        delivery = Delivery(self.world.new_id(), old.guid, old.event, self.hook.url or old.url, redelivery=True)
        self._enqueue(delivery, into_log=True)
        return delivery

    def of(self, app: App) -> list[Delivery]:
        """The deliveries of an App that were attempted, newest first."""
        return [each for each in reversed(self.log) if each.event.app is app and each.delivered_at]

    def wait(self, timeout: float = 30.0) -> bool:
        """Waits until everything enqueued was attempted; False if that took longer than `timeout` seconds."""
        with self._idle:
            return self._idle.wait_for(lambda: self._unfinished == 0, timeout)

    def _enqueue(self, delivery: Delivery, *, into_log: bool) -> None:
        if into_log:
            self.log.append(delivery)
        with self._idle:
            self._unfinished += 1
        self._waiting.put(delivery)

    def _work(self) -> None:
        while True:
            batch = [self._waiting.get()]
            if self.hook.reorder:
                time.sleep(0.05)  # lets what belongs together gather, to be shuffled
                while not self._waiting.empty():
                    batch.append(self._waiting.get())
                self._random.shuffle(batch)
            for delivery in sorted(batch, key=lambda each: each is None):
                if delivery is None:
                    return
                self._attempt(delivery)
                with self._idle:
                    self._unfinished -= 1
                    self._idle.notify_all()

    def _attempt(self, delivery: Delivery) -> None:
        hook = self.hook
        if hook.drop > 0:
            hook.drop -= 1
            delivery.status = "dropped"
            return
        if hook.delay:
            time.sleep(hook.delay)
        body = json.dumps(delivery.event.payload, separators=(",", ":"), ensure_ascii=False).encode()
        if len(body) > BIGGEST:
            self._complain(f"webhook {delivery.event.name} of {len(body)} bytes is never sent by GitHub")
            return
        delivery.request_headers = self._headers(delivery, body)
        started = time.monotonic()
        try:
            answer = requests.post(
                delivery.url, data=body, headers=delivery.request_headers, timeout=TIMEOUT, allow_redirects=False
            )
        except requests.Timeout:
            delivery.status, delivery.status_code = "timed out", 504
        except requests.RequestException as error:
            delivery.status, delivery.status_code = "failed to connect to host", 502
            delivery.response_body = type(error).__name__
        else:
            delivery.status_code, delivery.status = (
                answer.status_code,
                "OK" if answer.ok else f"Invalid HTTP Response: {answer.status_code}",
            )
            delivery.response_headers, delivery.response_body = dict(answer.headers), answer.text[:10_000]
        delivery.duration = round(time.monotonic() - started, 2)
        delivery.delivered_at = self.world.now()

    def _headers(self, delivery: Delivery, body: bytes) -> dict[str, str]:
        secret = self.hook.secret.encode()
        if self.hook.bad_signature > 0:
            self.hook.bad_signature -= 1
            secret = b"not the secret"
        return {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/5d0c2a1",
            "X-GitHub-Delivery": delivery.guid,
            "X-GitHub-Event": delivery.event.name,
            "X-GitHub-Hook-ID": str(delivery.event.app.id),
            "X-GitHub-Hook-Installation-Target-ID": str(delivery.event.app.id),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
            "X-Hub-Signature": "sha1=" + hmac.new(secret, body, hashlib.sha1).hexdigest(),
            "X-Hub-Signature-256": "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest(),
        }
