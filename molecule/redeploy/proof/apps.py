from django.apps import AppConfig


class ProofConfig(AppConfig):
    """What the tests of a redeploy ask a release for; put into copies of the app, and into nothing else."""

    name = "proof"
