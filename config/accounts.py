"""The user that the embedded servers run as."""

import os
import pwd
import shlex
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path


class ServicesError(Exception):
    """The servers cannot be started or stopped; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user that the servers run as: PostgreSQL refuses root, and initdb refuses a uid without a name.

    uid: the owner of their files. prefix: the command that switches to that user.
    """

    uid: int
    prefix: tuple[str, ...] = ()


def account_for(state: Path, postgres: str) -> Account:
    """The current user if possible; root gets a name in a user namespace or, where that is refused, becomes `nobody`.

    postgres: the server's path. The cluster's owner records the choice: a cluster of root's was made in a namespace.
    """
    me = os.geteuid()
    owner = owner_of(state).uid
    if me not in (0, owner):
        raise ServicesError(
            f"The cluster in {state} belongs to {name_of(owner)}."
            " Run as that user, or choose another directory: MUSTER_VAR=…"
        )
    if owner != me:
        return _other(state, owner, postgres)
    if me != 0 and _has_name(me):
        return Account(me)
    borrowed = str(next(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0))
    namespace = ("unshare", "--user", f"--map-user={borrowed}", f"--map-group={borrowed}", "--")
    if _works(*namespace, "true"):
        return Account(me, namespace)
    if me != 0:
        raise ServicesError(
            f"PostgreSQL cannot run as {name_of(me)}, which has no name here, and a user namespace (unshare --user) is"
            " not allowed. Run as a user in /etc/passwd, or set DATABASE_URL and REDIS_URL."
        )
    nobody = pwd.getpwnam("nobody")
    if (cluster := state / "postgres").exists():
        raise ServicesError(
            "PostgreSQL cannot run as root. Its cluster was made in a user namespace (unshare --user), which is no"
            f" longer allowed. Change its owner: chown -R {nobody.pw_name} {shlex.quote(str(cluster))}"
        )
    return _other(state, nobody.pw_uid, postgres)


def _other(state: Path, uid: int, postgres: str) -> Account:
    account = Account(uid, ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"))
    state.chmod(stat.S_IMODE(state.stat().st_mode) | 0o011)
    for path in (postgres, state):
        if not _works(*account.prefix, "test", "-x", str(path)):
            raise ServicesError(
                f"PostgreSQL cannot run as root, and {name_of(uid)}, which would run it, cannot reach {path}. Run as an"
                " ordinary user, move to a directory that every user may enter, or set DATABASE_URL and REDIS_URL."
            )
    return account


def owner_of(state: Path) -> Account:
    """The user that owns the cluster, or will own it."""
    cluster = state / "postgres"
    return Account(cluster.stat().st_uid if cluster.exists() else os.geteuid())


def _has_name(uid: int) -> bool:
    return any(entry.pw_uid == uid for entry in pwd.getpwall())


def name_of(uid: int) -> str:
    """The name of a user in messages."""
    return next((entry.pw_name for entry in pwd.getpwall() if entry.pw_uid == uid), f"uid {uid}")


def _works(*command: str) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - as above
            command, stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True, timeout=10
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    if done.returncode < 0:
        raise ServicesError(f"{shlex.join(command)} was interrupted.")
    return done.returncode == 0
