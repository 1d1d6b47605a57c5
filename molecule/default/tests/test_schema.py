"""What the deployed API answers is what it says of itself: schemathesis asks it, through nginx."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from conftest import FILM, PORT, Target, deploy, extra
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from schemathesis import GenerationMode

HOST = "debian13"
OURS = (f"--limit={HOST}",)
# Each that is refused tells something, also the hundredth.
UNLIMITED = extra(
    stack_client_requests_per_second=0,
    stack_api_environment={"DJANGO_FAILED_LOGINS_PER_MINUTE": "0", "DJANGO_TOKENS_PER_MINUTE": "0"},
)
# What is in the database, as statements that put it there again.
KEEP = (
    "docker exec --env %s django-db-1"
    " pg_dump --host db --username postgres --clean --if-exists django > /root/kept"
)
BRING_BACK = (
    "docker exec --interactive --env %s django-db-1"
    " psql --host db --username postgres --dbname django --quiet --no-psqlrc"
    " --single-transaction --set ON_ERROR_STOP=1 < /root/kept"
)

CHECKS: Any = schemathesis.checks.CHECKS
CONFIG = schemathesis.Config.from_dict(
    # Besides what it knows of, a condition that does not hold and an address that is too long are reasons.
    {"checks": {"negative_data_rejection": {"expected-statuses": ["4xx"]}}}
)
SEEN = {GenerationMode.POSITIVE: {200, 201, 204, 404}, GenerationMode.NEGATIVE: {400, 404}}


@pytest.fixture(scope="module")
def host(targets: dict[str, Target]) -> Iterator[Target]:
    """One host, which has in the end what it had before: schemathesis writes and removes whatever it may."""
    host = targets[HOST]
    password = f"PGPASSWORD={host.secret('postgres_password')}"
    before = host.request(FILM).json
    deploy(*OURS, UNLIMITED)
    host.run(KEEP, password)
    yield host
    host.run(BRING_BACK, password)
    deploy(*OURS)
    assert host.request(FILM).json == before


def authorization(host: Target) -> str:
    """Return a new token of somebody who may do everything."""
    basic = base64.b64encode(f"admin:{host.secret('django_admin_password')}".encode()).decode()
    answer = host.request("/api/tokens", "POST", headers={"Authorization": f"Basic {basic}"})
    return f"Token {answer.json['token']}"


@pytest.mark.parametrize("mode", GenerationMode)
def test_it_answers_as_described(host: Target, mode: GenerationMode, subtests: pytest.Subtests) -> None:
    schema = schemathesis.openapi.from_url(f"http://{host.address}:{PORT}/api/schema", config=CONFIG)
    operations = [found.ok() for found in schema.get_all_operations()]
    answered: set[int] = set()
    for operation in operations:
        with subtests.test(operation.label):
            # Each with a token of its own, as some revoke the one that they come with.
            answered |= ask(operation.as_strategy(generation_mode=mode), authorization(host))
    # It did get through to the API.
    assert answered >= SEEN[mode]


def ask(cases: Any, token: str) -> set[int]:
    """Send some of the cases and look at each answer; return the statuses there were."""
    answered = set()

    @examples(
        max_examples=25,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def check(case: Any) -> None:
        # What is well-formed may still be refused: a cursor that is not ours, a name that is taken.
        excluded = ["positive_data_acceptance"]
        # A form has no types: what is wrong in the plan of a case may be right as it is sent.
        if case.media_type == "multipart/form-data":
            excluded.append("negative_data_rejection")
        answer = case.call_and_validate(
            headers={"Authorization": token},
            excluded_checks=[CHECKS.get_one(name) for name in excluded],
        )
        answered.add(answer.status_code)

    check()
    return answered
