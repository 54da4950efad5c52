"""Prints what is new in Muster's history as events of OCSF, one on a line: python3 history.py CURSOR_FILE

The file holds how far it came. It needs Python 3.11 and nothing else, and is run again and again, by cron or whatever
ships logs. Where it was interrupted, events are printed twice; `metadata.uid` tells.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode


def main(place: Path) -> None:
    after = place.read_text() if place.exists() else ""
    has_more = True
    while has_more:
        try:
            page = ask(after)
        except urllib.error.HTTPError as error:
            if error.code != 410 or not after:
                sys.exit(f"{error.code}: {error.read().decode()}")
            print("Muster was restored from a backup: its whole history follows once more.", file=sys.stderr)
            after = ""
            continue
        for event in page["items"]:
            print(json.dumps(event))
        sys.stdout.flush()
        after, has_more = page["next"], page["has_more"]
        unfinished = place.with_name(f"{place.name}.part")
        unfinished.write_text(after)
        unfinished.replace(place)


def ask(after: str) -> Any:
    question = {"format": "ocsf", "limit": 1000} | ({"after": after} if after else {})
    request = urllib.request.Request(  # noqa: S310 - to the portal
        f"{os.environ['MUSTER_URL']}/api/v1/history?{urlencode(question)}",
        headers={"Authorization": f"Bearer {os.environ['MUSTER_KEY']}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
