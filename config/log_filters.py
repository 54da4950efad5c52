"""What no log line may have."""

import logging
import re

HIDDEN = "(hidden)"

# Below these, an address is a secret that somebody was given.
_SECRET = re.compile(r"(/(?:invitation|set-password|setup)/)[^\s\"'<>]+")


class WithoutSecrets(logging.Filter):
    """Hides the secrets of links: Django names the path of a request that fails, or whose form was forged."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str):  # what is ours is no text yet, and has no such path
            message = record.getMessage()
            hidden = _SECRET.sub(rf"\1{HIDDEN}", message)
            if hidden != message:
                record.msg, record.args = hidden, ()
        return True
