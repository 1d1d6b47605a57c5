"""The address of a user's own tokens."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import Throttled
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import BasicAuthentication
from api.query_parameters import QueryParameters, read_parameters
from api.throttling import TOKENS
from api.tokens import issue_token, revoke_tokens, tokens_of, valid_tokens_of

ISSUERS: Any = [{"basicAuth": []}, {"cookieAuth": []}]


class TokenSerializer(serializers.Serializer[Any]):
    # A part of the token that finds its row, too short to find the rest by.
    id = serializers.CharField(source="token_key")
    created_at = serializers.DateTimeField(source="created")
    expires_at = serializers.DateTimeField(source="expiry")


class IssuedTokenSerializer(TokenSerializer):
    token = serializers.CharField(help_text="To be sent as `Authorization: Token …`. Not shown again.")


class OwnTokensView(APIView):
    """Your own tokens."""

    permission_classes = (IsAuthenticated,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # A method that is none of its own is refused for that.
        if hasattr(self, str(request.method).lower()):
            read_parameters(request, QueryParameters)


class TokensView(OwnTokensView):
    """Your own tokens."""

    def get_authenticators(self) -> list[BaseAuthentication]:
        # A token that was stolen must not bring forth others, or it would never expire.
        if getattr(self.request, "method", None) == "POST":
            return [BasicAuthentication(), SessionAuthentication()]
        return super().get_authenticators()

    @extend_schema(operation_id="tokens_list", responses=TokenSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(TokenSerializer(valid_tokens_of(request.user), many=True).data)

    @extend_schema(request=None, responses={201: IssuedTokenSerializer}, auth=ISSUERS)
    def post(self, request: Request) -> Response:
        if seconds := TOKENS.count(str(request.user.pk)):
            raise Throttled(seconds)
        token = issue_token(request.user)
        return Response(IssuedTokenSerializer(token).data, status=201, headers={"Cache-Control": "no-store"})

    @extend_schema(operation_id="tokens_destroy_all", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Revoke all of them."""
        revoke_tokens(tokens_of(request.user))
        return Response(status=204)


class TokenView(OwnTokensView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, token_id: str) -> Response:
        if not revoke_tokens(tokens_of(request.user).filter(token_key=token_id)):
            raise Http404
        return Response(status=204)
