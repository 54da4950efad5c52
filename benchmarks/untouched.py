"""The portal without its feed: changes and effects are recorded, and nothing is told of them."""

from config.wsgi import application
from orgs import history

__all__ = ["application"]

history._RECORD_ALONE = history._RECORD
history._RECORD_AND_ENTER = f"WITH change AS ({history._RECORD}) {history._ENTER}"
history._ENTER_LATER = history._ENTER
