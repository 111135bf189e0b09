"""What an application answers to requests that schemathesis makes of its own OpenAPI description."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from tests.support.people import HERE

load_all_checks()
# Not held: that whatever the description lets through is taken. A day that is none of ours, a shift that ends before it
# begins and two texts that are one key are refused with 422 by rules that OpenAPI has no words for.
HELD = CHECKS.get_by_names(
    ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
     "response_headers_conformance", "negative_data_rejection"]
)  # fmt: skip
KINDS = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@dataclass
class Walk:
    """The operations of one application, asked with one token."""

    app: FastAPI
    token: str
    ids: Mapping[str, Any]  # of what there is: each second request that has such a name in its path is about that
    examples: Callable[[str], int]  # how many of each kind, by method and path
    left_out: tuple[str, ...] = ()
    odd: list[str] = field(default_factory=list)  # answers that are not as described
    statuses: Counter[int] = field(default_factory=Counter)

    def go(self) -> "Walk":
        """Ask everything, right and wrong; the same requests each time."""
        for operation in self._operations():
            for kind in KINDS:
                if kind is GenerationMode.POSITIVE or operation.query or operation.body:
                    self._ask(operation, kind)
        return self

    def _operations(self) -> Iterator[Any]:
        plain = deepcopy(self.app.openapi())
        for methods in plain["paths"].values():
            for operation in methods.values():  # the key of a deed is tried elsewhere: here each request is a new one
                named = operation.get("parameters", ())
                operation["parameters"] = [one for one in named if one["name"] != "Idempotency-Key"]
        described = schemathesis.openapi.from_dict(plain)
        found = [result.ok() for result in described.get_all_operations()]
        return (operation for operation in found if operation.label not in self.left_out)

    def _ask(self, operation: Any, kind: GenerationMode) -> None:
        @settings(
            max_examples=self.examples(operation.label), phases=[Phase.generate], derandomize=True, database=None,
            deadline=None, suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(operation.as_strategy(generation_mode=kind))
        def one(case: Any) -> None:
            if sum(self.statuses.values()) % 2:
                case.path_parameters.update({name: self.ids[name] for name in case.path_parameters if name in self.ids})
            try:
                answer = case.call(base_url=HERE, app=self.app, headers={"Authorization": f"Bearer {self.token}"})
                self.statuses[answer.status_code] += 1
                case.validate_response(answer, checks=HELD)
            except (Exception, BaseExceptionGroup) as why:  # of the application itself, or of some checks
                self.odd += [f"{operation.label}: {found!r}" for found in getattr(why, "exceptions", (why,))]

        one()
