"""Writes events all the time, and compares what was confirmed with what is there."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence

import requests
from msgspec import Struct

from simulator.drill.processes.account import Account

_EVERY = 0.5
# Longer than any request may wait for the database.
_TIMEOUT = 20.0
_CREATED, _REVOKED = "TOKEN_CREATED", "TOKEN_REVOKED"


class WrittenEvent(Struct, frozen=True):
    """An event of a user, by what makes it unique."""

    user_id: int
    code: str
    name: str


class EventWriter:
    """Makes and revokes API tokens, each of which is an event of its user, at the first of these
    addresses that can be reached; nothing is tried twice.

    `confirmed` are those whose request was answered with success, `refused` counts the others by
    their status, or by the error where there was no answer; `confirmed_at` is the time (monotonic)
    of the last confirmed one.
    """

    def __init__(self, name: str, accounts: Sequence[Account], addresses: Sequence[str]) -> None:
        self.confirmed: list[WrittenEvent] = []
        self.refused: Counter[str] = Counter()
        self.confirmed_at = 0.0
        self._name, self._addresses = name, addresses
        self._turns = itertools.cycle(accounts)
        self._tokens: dict[int, tuple[int, str]] = {}
        self._numbers, self._place = itertools.count(), 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event-writer", daemon=True)

    def start(self) -> None:
        """Write from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End after the present request."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(_EVERY):
            account = next(self._turns)
            try:
                written = self._write(account)
            except requests.RequestException as error:
                self.refused[type(error).__name__] += 1
                # A balancer sends the next one to another process.
                self._place += 1
            else:
                if written is not None:
                    self.confirmed.append(written)
                    self.confirmed_at = time.monotonic()

    def _write(self, account: Account) -> WrittenEvent | None:
        made = self._tokens.pop(account.user_id, None)
        if made is not None:
            answer = self._ask(account, "DELETE", f"/{made[0]}")
            return WrittenEvent(account.user_id, _REVOKED, made[1]) if self._is_ok(answer) else None
        name = f"{self._name}-{next(self._numbers)}"
        answer = self._ask(account, "POST", "", {"name": name, "scopes": ["market:read"]})
        if not self._is_ok(answer):
            return None
        self._tokens[account.user_id] = (answer.json()["token"]["id"], name)
        return WrittenEvent(account.user_id, _CREATED, name)

    def _is_ok(self, answer: requests.Response) -> bool:
        if not answer.ok:
            self.refused[str(answer.status_code)] += 1
        return answer.ok

    def _ask(
        self, account: Account, method: str, path: str, body: object = None
    ) -> requests.Response:
        address = self._addresses[self._place % len(self._addresses)]
        return requests.request(
            method,
            f"{address}/api/v1/tokens{path}",
            json=body,
            headers={
                "Cookie": account.cookie,
                "X-CSRFToken": account.csrf,
                "Connection": "close",
            },
            timeout=_TIMEOUT,
        )


def lost_events(confirmed: Iterable[WrittenEvent], stored: Iterable[WrittenEvent]) -> int:
    """How many were confirmed and are not there."""
    return len(set(confirmed) - set(stored))


def doubled_events(stored: Iterable[WrittenEvent]) -> int:
    """How many are there more than once, although each was written once."""
    return sum(count - 1 for count in Counter(stored).values())


def missing_numbers(received: Iterable[int], last: int) -> int:
    """How many of the numbers up to the last one a client did not get."""
    return len(set(range(1, last + 1)) - set(received))


def out_of_order(received: Sequence[int]) -> int:
    """How many numbers came again, or after a higher one."""
    pairs = itertools.pairwise(received)
    return sum(after <= before for before, after in pairs)
