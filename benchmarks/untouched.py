"""The portal without its feed: changes and effects are recorded, and nothing is told of them."""

from config.wsgi import application
from orgs import history
from orgs.db.prepared import Prepared

__all__ = ["application"]

history._RECORD_ALONE = Prepared(history._RECORD)
history._RECORD_AND_ENTER = Prepared(f"WITH change AS ({history._RECORD}) {history._ENTER}")
history._ENTER_LATER = history._ENTER
