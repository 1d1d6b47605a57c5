"""What may be wrong with a file of films."""


class RefusedError(Exception):
    """Nothing can be made of the file."""


class RejectedError(Exception):
    """Why a line can't be imported."""
