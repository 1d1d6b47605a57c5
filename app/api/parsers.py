"""Reads the bodies of requests to the API."""

import html
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import multipartparser
from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JSONParser(parsers.JSONParser):
    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deeply") from error


class StrictMultiPartReader(multipartparser.MultiPartParser):
    def sanitize_file_name(self, file_name: str) -> str | None:
        """Refuse what Django would only take the folders out of: nobody sends such a name by mistake."""
        if {"/", "\\", "\0"} & set(html.unescape(file_name)):
            raise multipartparser.MultiPartParserError(
                "the name of a file has a folder in it: send the name alone"
            )
        return super().sanitize_file_name(file_name)


class StrictMultiPartParser(parsers.MultiPartParser):
    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> "parsers.DataAndFiles[Any, Any]":
        context = parser_context or {}
        request = context["request"]
        meta = request.META | {"CONTENT_TYPE": media_type}
        encoding = context.get("encoding", settings.DEFAULT_CHARSET)
        reader = StrictMultiPartReader(meta, stream, request.upload_handlers, encoding)
        try:
            return parsers.DataAndFiles(*reader.parse())
        except multipartparser.MultiPartParserError as error:
            raise ParseError(f"Multipart form parse error - {error}") from error
