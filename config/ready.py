"""Whether the web server is ready. `python -m config.ready` asks it, with the same environment: 0 if so, else 1."""

import http.client
import os
import sys
from urllib.parse import urlsplit

from config import environment
from config.environment import Environment


def is_ready(env: Environment) -> bool:
    """Whether web answers and says that it is ready, within two seconds for each step."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(env.bind, env.bind)  # noqa: S104 - compared, not bound
    public = urlsplit(env.url)
    connection = http.client.HTTPConnection(host, env.port, timeout=2)
    try:
        connection.request("GET", "/health/ready", headers={"Host": public.netloc, "X-Forwarded-Proto": public.scheme})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_ready(environment.read(os.environ)))
