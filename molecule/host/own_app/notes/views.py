from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from notes.models import Note


@csrf_exempt
def notes(request: HttpRequest) -> JsonResponse:
    if request.method == "POST":
        Note.objects.create(text=request.body.decode())
    return JsonResponse({"notes": list(Note.objects.order_by("id").values_list("text", flat=True))})


def ready(_request: HttpRequest) -> JsonResponse:
    connection.ensure_connection()
    return JsonResponse({})
