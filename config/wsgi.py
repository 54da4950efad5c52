import os
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Utf8Request(WSGIRequest):
    """A request whose text is UTF-8, whatever charset its Content-Type names (SPEC S10).

    Django decodes query strings and forms with that charset. Some of Python's codecs are no text encodings and fail
    before any middleware runs; others read `filter=` as something else.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        given = meta.get("CONTENT_TYPE", "")
        try:
            self.content_type, self.content_params = parse_header_parameters(given)
        except (LookupError, ValueError):  # a parameter in an encoding of its own (RFC 2231) that cannot be read
            self.content_type, self.content_params = given.partition(";")[0].strip().lower(), {}
        self.content_params.pop("charset", None)


class Application(WSGIHandler):
    request_class = Utf8Request


django.setup(set_prefix=False)
application = Application()
