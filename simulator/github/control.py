"""`/_sim/...`: what drives the world from outside this process, as people and faults; not a part of GitHub."""

from __future__ import annotations

import colorsys
import hashlib
from datetime import timedelta
from html import escape
from typing import Any

from flask import Flask, Response, abort, jsonify, request

from simulator.github.act import Act
from simulator.github.refusals import Refusal
from simulator.github.service import Service


class Control:
    """The simulator's own addresses, all JSON but the pictures and logs."""

    def __init__(self, service: Service, act: Act) -> None:
        self.service, self.act, self.world = service, act, service.world

    def register(self, flask: Flask) -> None:
        rules = (
            ("/_sim/act", self._act, "POST"),
            ("/_sim/faults", self._add_fault, "POST"),
            ("/_sim/faults", self._faults, "GET"),
            ("/_sim/faults", self._clear_faults, "DELETE"),
            ("/_sim/hook", self._hook, "POST"),
            ("/_sim/clock", self._clock, "POST"),
            ("/_sim/violations", self._violations, "GET"),
            ("/_sim/requests", self._requests, "GET"),
            ("/_sim/token", self._token, "POST"),
            ("/_sim/avatar/<login>.svg", self._avatar, "GET"),
            ("/_sim/logs/<int:repository_id>/<int:job_id>", self._log, "GET"),
        )
        for rule, view, method in rules:
            flask.add_url_rule(rule, f"sim{view.__name__}", view, methods=[method])

    def _act(self) -> Response:
        """`{"do": "comment", "repository": "o/r", ...}` carries out one verb; answers `{"result": ...}`."""
        values = dict(request.get_json())
        try:
            return jsonify(result=self.act.do(values.pop("do", ""), **values))
        except Refusal as refusal:
            return _with_status(jsonify(refusal.body()), refusal.status)
        except TypeError as error:  # a field too many or too few
            return _with_status(jsonify(message=str(error)), 422)

    def _add_fault(self) -> Response:
        """`{"kind": "unavailable", "operation": "issues/*", "times": 2, ...}`."""
        with self.world.lock:
            try:
                fault = self.service.faults.add(**request.get_json())
            except (TypeError, ValueError) as error:
                return _with_status(jsonify(message=str(error)), 422)
            return _with_status(jsonify(vars(fault)), 201)

    def _faults(self) -> Response:
        with self.world.lock:
            return jsonify([vars(fault) for fault in self.service.faults.waiting])

    def _clear_faults(self) -> Response:
        with self.world.lock:
            self.service.faults.clear()
        return Response(status=204)

    def _hook(self) -> Response:
        """`{"url": ..., "duplicate": 1, ...}` sets the webhook's address and knobs."""
        hook = self.service.deliveries.hook
        for name, value in request.get_json().items():
            if not hasattr(hook, name):
                return _with_status(jsonify(message=f"no such knob: {name}"), 422)
            setattr(hook, name, value)
        return jsonify({name: value for name, value in vars(hook).items() if name != "secret"})

    def _clock(self) -> Response:
        """`{"seconds": 3600}` moves the world's clock."""
        with self.world.lock:
            self.world.clock_offset += timedelta(seconds=float(request.get_json()["seconds"]))
            return jsonify(now=self.world.now().isoformat())

    def _violations(self) -> Response:
        return jsonify(self.service.violations)

    def _requests(self) -> Response:
        return jsonify([vars(each) for each in self.service.requests])

    def _token(self) -> Response:
        """`{"login": ...}` makes a token with which that person may call or push."""
        login = request.get_json()["login"]
        with self.world.lock:
            return _with_status(jsonify(token=self.service.personal_token(login)), 201)

    def _avatar(self, login: str) -> Response:
        """A picture of somebody: their first letter on a colour of their own."""
        hue = hashlib.sha256(login.encode()).digest()[0] / 255
        red, green, blue = (round(part * 255) for part in colorsys.hls_to_rgb(hue, 0.42, 0.45))
        shape = '<rect width="40" height="40" rx="8"' if login.endswith("[bot]") else '<circle cx="20" cy="20" r="20"'
        letter = escape(login[:1].upper())
        picture = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">{shape} fill="rgb({red},{green},{blue})"/>'
            f'<text x="20" y="27" font-family="sans-serif" font-size="20" fill="#fff" text-anchor="middle">{letter}</text></svg>'
        )
        return Response(picture, content_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})

    def _log(self, repository_id: int, job_id: int) -> Response:
        """The log of a job, where REST redirects to: an address that needs no token."""
        with self.world.lock:
            repository = self.world.repository_by_id(repository_id)
            jobs = (job for run in (repository.workflow_runs if repository else ()) for job in run.jobs)
            log = next((job.log for job in jobs if job.id == job_id), None)
        if log is None:
            abort(404)
        return Response(log, content_type="text/plain; charset=utf-8")


def _with_status(response: Any, status: int) -> Response:
    response.status_code = status
    made: Response = response
    return made
