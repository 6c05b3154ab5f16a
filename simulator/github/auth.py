"""Who is calling: App JWTs, installation tokens, people's tokens; and what each may do."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import jwt

from simulator.github.refusals import Refusal, bad_credentials, forbidden, must_have_rights, not_found, unprocessable
from simulator.github.state import ROLES, App, Installation, Repository, Token, User, World

LIFE = timedelta(hours=1)
LONGEST_ASSERTION = 600  # seconds an App's JWT may live
LEVELS = {"none": 0, "read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True)
class Caller:
    """The one who calls: an App by its JWT, somebody by a token, or (all None) nobody in particular."""

    app: App | None = None
    token: Token | None = None

    @property
    def user(self) -> User | None:
        """The account in whose name things happen."""
        return self.token.user if self.token else (self.app.bot if self.app else None)

    @property
    def installation(self) -> Installation | None:
        return self.token.installation if self.token else None

    def acting_user(self) -> User:
        """The account, or 401."""
        if self.user is None:
            raise Refusal(401, "Requires authentication")
        return self.user

    def covers(self, repository: Repository) -> bool:
        """True where an installation token reaches the repository."""
        if self.token is None or self.token.installation is None or not self.token.installation.covers(repository):
            return False
        return self.token.repositories is None or repository in self.token.repositories

    def has(self, permission: str, level: str) -> bool:
        """True where the token's permissions hold at least this one, and the installation's still do."""
        held = LEVELS[(self.token.permissions if self.token else {}).get(permission, "none")]
        if self.installation is not None:
            held = min(held, LEVELS[self.installation.permissions.get(permission, "none")])
        return held >= LEVELS[level] or (permission == "metadata" and level == "read")

    def can_see(self, repository: Repository) -> bool:
        if not repository.private:
            return True
        if self.installation:
            return self.covers(repository)
        return self.user is not None and repository.role(self.user) != "none"

    def must(self, repository: Repository, needs: Iterable[tuple[str, str]], *, role: str, writes: bool) -> None:
        """Refuses unless one of `needs` is held (installations) or the role is reached (people)."""
        if not self.can_see(repository):
            raise not_found()
        if self.token is None:
            if writes:
                raise Refusal(401, "Requires authentication")
            return
        if self.installation is None:
            if ROLES.index(repository.role(self.token.user)) < ROLES.index(role):
                raise must_have_rights()
            return
        if not self.covers(repository):
            if writes:
                raise forbidden()
            return
        wanted = list(needs)
        if wanted and not any(self.has(permission, level) for permission, level in wanted):
            raise forbidden()


def authenticate(world: World, authorization: str | None) -> Caller:
    """The caller that an `Authorization` header names; nobody where there is none; 401 where it is wrong."""
    if not authorization:
        return Caller()
    scheme, _, value = authorization.partition(" ")
    value = value.strip()
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[2]
        except ValueError:
            raise bad_credentials() from None
    elif scheme.lower() not in ("bearer", "token"):
        raise bad_credentials()
    if value.startswith("eyJ"):
        return Caller(app=app_of_assertion(world, value))
    token = world.tokens.get(value)
    if token is None or (token.expires_at and token.expires_at <= world.now()):
        raise bad_credentials()
    if token.installation and token.installation.suspended_at:
        raise Refusal(403, "This installation has been suspended")
    return Caller(token=token)


def app_of_assertion(world: World, assertion: str) -> App:
    """The App that signed a JWT, checked with its public key."""
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise Refusal(401, "A JSON web token could not be decoded") from None
    issuer = str(claims.get("iss", ""))
    app = next((each for each in world.apps if issuer and issuer in (str(each.id), each.client_id)), None)
    if app is None or not app.public_key:
        raise Refusal(401, "Integration not found")
    try:
        jwt.decode(
            assertion,
            app.public_key,
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False, "verify_iss": False},
        )
    except jwt.PyJWTError:
        raise Refusal(401, "A JSON web token could not be decoded") from None
    now = world.now().timestamp()
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, int | float) or expires <= now:
        sentence = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
        raise Refusal(401, sentence)
    if expires > now + LONGEST_ASSERTION + 5:
        raise Refusal(401, "'Expiration time' claim ('exp') is too far in the future")
    if not isinstance(issued, int | float) or issued > now + 5:
        sentence = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
        raise Refusal(401, sentence)
    return app


def token_text(app: App) -> str:
    """A token in GitHub's newer, stateless form: long, with `_`, `.` and `-` in it."""

    def part(size: int) -> str:
        return base64.urlsafe_b64encode(secrets.token_bytes(size)).decode().rstrip("=")

    return f"ghs_{app.id}_eyJ{part(24)}-_.{part(150)}.{part(96)}"


def mint(
    world: World, installation: Installation, wanted: Mapping[str, str], repositories: list[Repository] | None
) -> Token:
    """An installation token of one hour; can only narrow what the installation was granted."""
    if installation.suspended_at:
        raise Refusal(403, "This installation has been suspended")
    for permission, level in wanted.items():
        if LEVELS.get(level, 9) > LEVELS[installation.permissions.get(permission, "none")]:
            raise unprocessable("The permissions requested are not granted to this installation.")
    for repository in repositories or []:
        if not installation.covers(repository):
            raise unprocessable(
                "There is at least one repository that does not exist or is not accessible to the parent installation."
            )
    token = Token(
        token_text(installation.app),
        installation.app.bot,
        world.now() + LIFE,
        installation,
        {"metadata": "read", **(wanted or installation.permissions)},
        repositories,
    )
    world.tokens[token.value] = token
    return token


def personal_token(world: World, user: User) -> str:
    """A token with which somebody calls the API, or pushes, as themselves."""
    value = f"ghp_{secrets.token_urlsafe(27)}"
    world.tokens[value] = Token(value, user)
    return value
