#!/usr/bin/env python3
"""Django's commands, in the project's own virtual environment."""

import os
import sys
from pathlib import Path


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        python = Path(__file__).resolve().parent / ".venv" / "bin" / "python"
        if not python.exists():
            sys.exit("Django is not installed here. Run `make up` once: it creates .venv with all that is needed.")
        os.execv(python, [str(python), *sys.argv])  # noqa: S606 - our own interpreter

    from config.environment import Misconfigured

    try:
        execute_from_command_line(sys.argv)
    except Misconfigured as error:
        sys.exit(f"muster: {error}")


if __name__ == "__main__":
    main()
