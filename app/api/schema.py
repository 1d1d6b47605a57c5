"""How the API's description (OpenAPI) is made from its code."""

from collections.abc import Callable
from typing import Any

from drf_spectacular import authentication, openapi
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from api.problems import CONTENT_TYPE, Problem
from api.viewsets import ResourceViewSet

Endpoint = tuple[str, str, str, Callable[..., Any]]


class AutoSchema(openapi.AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        view: Any = self.view
        if not isinstance(view, ResourceViewSet):
            return []
        if view.action == "list":
            return [view.list_parameters]
        if view.action == "retrieve":
            return [
                _header("If-None-Match", "The `ETag` of what you have: 304 if it is still the same."),
                OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[200, 304]),
            ]
        if view.action == "create":
            return []
        return [_header("If-Match", "The `ETag` of what you have seen: 412 if it has been changed since.")]

    def get_auth(self) -> list[Any]:
        auth: list[Any] = super().get_auth()
        # Read by everybody.
        return [*auth, {}] if isinstance(self.view, ResourceViewSet) and self.method == "GET" else auth

    def _get_response_bodies(self, *args: Any, **kwargs: Any) -> Any:
        bodies = super()._get_response_bodies(*args, **kwargs)
        wrong: Any = self._get_response_for_code(  # type: ignore[no-untyped-call]
            Problem, "default", media_types=[CONTENT_TYPE]
        )
        if isinstance(self.view, ResourceViewSet) and self.view.action == "retrieve":
            known = OpenApiResponse(description="It is what you have.")
            bodies["304"] = self._get_response_for_code(known, "304")  # type: ignore[no-untyped-call]
        return {**bodies, "default": wrong | {"description": "Whatever went wrong."}}


def _header(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description)


class BasicScheme(authentication.BasicScheme):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.BasicAuthentication"


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.TokenAuthentication"
    name = "tokenAuth"

    def get_security_definition(self, _auto_schema: openapi.AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token …`, from POST /api/tokens",
        }


def without_slashes(endpoints: list[Endpoint]) -> list[Endpoint]:
    """The slash at the end is optional, and one spelling is enough."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints]  # type: ignore[misc]
