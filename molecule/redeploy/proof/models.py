from django.db import models


class Note(models.Model):
    text = models.TextField(default="")
    colour = models.TextField(default="")

    def __str__(self) -> str:
        return self.text
