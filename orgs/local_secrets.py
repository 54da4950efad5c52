"""Secrets that a single machine generates and keeps in its state directory."""

import os
import secrets
from pathlib import Path


def kept_in(path: Path, *, length: int) -> str:
    """The secret in the file `path`: `length` random bytes, generated on first use and readable only by the owner."""
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(length))
        try:
            os.link(fresh, path)  # the first of several processes wins
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        return path.read_text()
