"""What a route for programs takes and answers: stated by decorators, read by the documents."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from flask import Response
from msgspec import Struct

from omcrm.auth.json_answer import json_answer
from omcrm.auth.request_body import LARGEST_BODY, Body, request_body
from omcrm.wire.answer import JsonRefused

Answer = TypeVar("Answer")
Path = ParamSpec("Path")


class JsonRoute(Struct, frozen=True, kw_only=True):
    """What a route takes and answers, as types.

    The fields of the Struct `query` are the query's. `refusals` are reasons by HTTP status, besides
    those that follow from the body and from who may call.
    """

    answer: Any
    status: int = 200
    body: type[Struct] | None = None
    query: type[Struct] | None = None
    refusals: Mapping[int, str] = {}
    refused_as: type[Struct] = JsonRefused


def answers(
    answer: type[Answer],
    status: int = 200,
    *,
    query: type[Struct] | None = None,
    refusals: Mapping[int, str] | None = None,
    refused_as: type[Struct] = JsonRefused,
) -> Callable[[Callable[Path, Answer | Response]], Callable[Path, Response]]:
    """Send what the view returns as JSON, with this status; a Response is sent as it is.

    Use it below `requires` or `public`. The first sentence of the view's docstring is the
    route's in the documents.
    """

    def decorate(view: Callable[Path, Answer | Response]) -> Callable[Path, Response]:
        @wraps(view)
        def answering(*args: Path.args, **kwargs: Path.kwargs) -> Response:
            body = view(*args, **kwargs)
            return body if isinstance(body, Response) else json_answer(body, status)

        answering.json_route = JsonRoute(  # type: ignore[attr-defined]
            answer=answer,
            status=status,
            body=getattr(view, "body_type", None),
            query=query,
            refusals=refusals or {},
            refused_as=refused_as,
        )
        return answering

    return decorate


def takes(
    schema: type[Body], most: int = LARGEST_BODY
) -> Callable[[Callable[Concatenate[Body, Path], Answer]], Callable[Path, Answer]]:
    """Give the view the request's JSON body, of `most` bytes, as its first argument.

    Raises AccessRefused with the wrong field. Use it below `answers`.
    """

    def decorate(view: Callable[Concatenate[Body, Path], Answer]) -> Callable[Path, Answer]:
        @wraps(view)
        def reading(*args: Path.args, **kwargs: Path.kwargs) -> Answer:
            return view(request_body(schema, most), *args, **kwargs)

        reading.body_type = schema  # type: ignore[attr-defined]
        return reading

    return decorate
