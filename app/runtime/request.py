"""Requests as gunicorn hands them over."""

from typing import Any

from django.core.exceptions import TooManyFieldsSent
from django.core.handlers.wsgi import WSGIRequest

# One half of a pair of surrogates, for unicode_escape and for UTF-7.
HALVES = rb"\ud800 +2AA-"


class Request(WSGIRequest):
    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """Pass over a type that can't be read: Django would fail here, where nobody makes an answer of it."""
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # not in the stubs
            # Not each encoding of Python's is one of text, or can replace what is wrong. Of one that can't,
            # Django says that there are too many fields. And some make halves of characters, which no answer
            # can repeat.
            if self.encoding:
                for sample in (HALVES, bytes(range(256))):
                    sample.decode(self.encoding, "replace").encode()
        except (LookupError, ValueError, TooManyFieldsSent):
            meta["CONTENT_TYPE"] = ""
            self._encoding = None
            super()._set_content_type_params(meta)  # type: ignore[misc]
