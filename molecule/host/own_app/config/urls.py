from django.urls import path
from notes import views

urlpatterns = [
    path("notes", views.notes),
    path("health/live", views.live),
    path("health/ready", views.ready),
]
