"""Tokens for programs: kept as hashes, so each is shown once; they expire."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import Throttled
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.authentication import BasicAuthentication
from core.problems import Conflict
from core.queries import Query, read_query
from core.throttling import TOKENS

MAX_TOKENS = 100
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
            read_query(request, Query)

    def own(self) -> "QuerySet[Any]":
        found: QuerySet[Any] = AuthToken.objects.filter(user=self.request.user)
        return found


class TokensView(OwnTokensView):
    """Your own tokens."""

    def get_authenticators(self) -> list[BaseAuthentication]:
        # A token that was stolen must not bring forth others, or it would never expire.
        if getattr(self.request, "method", None) == "POST":
            return [BasicAuthentication(), SessionAuthentication()]
        return super().get_authenticators()

    @extend_schema(operation_id="tokens_list", responses=TokenSerializer(many=True))
    def get(self, _request: Request) -> Response:
        tokens = self.own().filter(expiry__gt=timezone.now()).order_by("created")
        return Response(TokenSerializer(tokens, many=True).data)

    @extend_schema(request=None, responses={201: IssuedTokenSerializer}, auth=ISSUERS)
    def post(self, request: Request) -> Response:
        if seconds := TOKENS.count(str(request.user.pk)):
            raise Throttled(seconds)
        self.own().filter(expiry__lte=timezone.now()).delete()
        if self.own().count() >= MAX_TOKENS:
            raise Conflict(f"You have {MAX_TOKENS} tokens: revoke one first.")
        row, token = AuthToken.objects.create(request.user)
        row.token = token
        return Response(IssuedTokenSerializer(row).data, status=201, headers={"Cache-Control": "no-store"})

    @extend_schema(operation_id="tokens_destroy_all", responses={204: None})
    def delete(self, _request: Request) -> Response:
        """Revoke all of them."""
        self.own().delete()
        return Response(status=204)


class TokenView(OwnTokensView):
    @extend_schema(responses={204: None})
    def delete(self, _request: Request, token_id: str) -> Response:
        if not self.own().filter(token_key=token_id).delete()[0]:
            raise Http404
        return Response(status=204)
