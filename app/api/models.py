from django.db import models


class Attempts(models.Model):
    """How often something was tried within a span of time; see api.throttling."""

    key = models.CharField(max_length=200, primary_key=True)
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"


class KnownAddress(models.Model):
    """From where somebody has logged in to an account; see api.logins."""

    account = models.CharField(max_length=64)
    address = models.CharField(max_length=50)
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        # Nobody edits them.
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["account", "address"], name="known_address_of_account"),
        )

    def __str__(self) -> str:
        return f"{self.account}: {self.address}"
