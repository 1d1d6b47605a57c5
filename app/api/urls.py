from django.urls import re_path

from api import docs
from api.token_views import TokensView, TokenView

# The slash at the end is optional: a redirect would cost each client a second request, and lose its body.
urlpatterns = [
    re_path(r"^tokens/?$", TokensView.as_view(), name="tokens"),
    re_path(r"^tokens/(?P<token_id>[0-9a-f]+)/?$", TokenView.as_view(), name="token"),
    re_path(r"^schema/?$", docs.description, name="schema"),
    re_path(r"^docs/?$", docs.page, name="docs"),
]
