from django.db import models


class Attempts(models.Model):
    """How often something was tried within a span of time; see api.throttling."""

    key = models.CharField(max_length=200, primary_key=True)
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"
