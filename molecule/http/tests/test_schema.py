"""The deployed API answers as its own description says: schemathesis asks it, through nginx."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from schemathesis import GenerationMode
from second_nginx import configuration, second_nginx
from targets import FILM, Target

# A second nginx without the limit of requests per second, which most of these requests would meet.
PORT = 8083
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
    # A condition that does not hold and an address that is too long have statuses of their own.
    {"checks": {"negative_data_rejection": {"expected-statuses": ["4xx"]}}}
)
SEEN = {GenerationMode.POSITIVE: {200, 201, 204, 404}, GenerationMode.NEGATIVE: {400, 404}}


@pytest.fixture
def unlimited(target: Target) -> Iterator[Target]:
    """The host without that limit. Its database is put back in the end, as schemathesis changes films."""
    password = f"PGPASSWORD={target.secret('postgres_password')}"
    before = target.request(FILM).json
    text, limits = re.subn(r"^ *limit_req .*;$", "", configuration(target, PORT), flags=re.MULTILINE)
    assert limits == 1
    target.run(KEEP, password)
    with second_nginx(target, PORT, text):
        yield target
    target.run(BRING_BACK, password)
    assert target.request(FILM).json == before


def authorization(target: Target) -> str:
    """Return a new token of somebody who may do everything."""
    basic = base64.b64encode(f"admin:{target.secret('django_admin_password')}".encode()).decode()
    answer = target.request("/api/tokens", "POST", headers={"Authorization": f"Basic {basic}"}, port=PORT)
    return f"Token {answer.json['token']}"


@pytest.mark.parametrize("mode", GenerationMode)
def test_it_answers_as_described(unlimited: Target, mode: GenerationMode, subtests: pytest.Subtests) -> None:
    schema = schemathesis.openapi.from_url(f"http://{unlimited.address}:{PORT}/api/schema", config=CONFIG)
    operations = [found.ok() for found in schema.get_all_operations()]
    answered: set[int] = set()
    for operation in operations:
        with subtests.test(operation.label):
            # Each with a token of its own, as some revoke the one that they come with.
            answered |= ask(operation.as_strategy(generation_mode=mode), authorization(unlimited))
    # It did get through to the API.
    assert answered >= SEEN[mode]


def ask(cases: Any, token: str) -> set[int]:
    """Send some of the cases and look at each answer; return the statuses there were."""
    answered = set()

    @examples(
        max_examples=8,
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
        # A form has no types: what is wrong in the plan of a case may be right as it is sent. A text may be
        # short enough once the API has taken the white space off its ends.
        if case.media_type == "multipart/form-data" or is_trimmed(case.body):
            excluded.append("negative_data_rejection")
        answer = case.call_and_validate(
            headers={"Authorization": token},
            excluded_checks=[CHECKS.get_one(name) for name in excluded],
        )
        answered.add(answer.status_code)

    check()
    return answered


def is_trimmed(body: object) -> bool:
    """Tell whether a text in the body of a request has white space at its ends."""
    match body:
        case str():
            return body != body.strip()
        case dict():
            return any(map(is_trimmed, body.values()))
        case list():
            return any(map(is_trimmed, body))
    return False
