import threading
import time

import pytest
from argon2 import PasswordHasher, extract_parameters

from omcrm.auth import passwords
from omcrm.errors import AccessRefused


def test_a_hash_matches_its_password_only() -> None:
    """Its password matches, another does not."""
    kept = passwords.hash_password("correct horse ü")

    assert passwords.verify_password("correct horse ü", kept)
    assert not passwords.verify_password("correct horse u", kept)


def test_parameters_are_those_of_owasp() -> None:
    """Argon2id with 19 MiB, two passes and one lane, for the dummy hash too."""
    for kept in (passwords.hash_password("correct horse"), passwords.DUMMY_HASH):
        parameters = extract_parameters(kept)

        assert "ID" == parameters.type.name
        assert (19456, 2, 1) == (
            parameters.memory_cost,
            parameters.time_cost,
            parameters.parallelism,
        )
        assert not passwords.is_outdated(kept)


def test_other_parameters_are_outdated() -> None:
    """A hash of weaker parameters still matches, and needs renewal."""
    weak = PasswordHasher(memory_cost=64, time_cost=1, parallelism=1).hash("correct horse")

    assert passwords.verify_password("correct horse", weak)
    assert passwords.is_outdated(weak)


def test_an_invalid_hash_matches_nothing() -> None:
    """It is treated like a wrong password."""
    assert not passwords.verify_password("correct horse", "not a hash")


@pytest.mark.parametrize(("length", "words"), [(9, "at least 10"), (1025, "at most 1024")])
def test_length_of_a_new_password(length: int, words: str) -> None:
    """A password that is too short or too long is refused with the violated bound."""
    with pytest.raises(AccessRefused, match=f"password must have {words} characters"):
        passwords.check_new_password("x" * length)


@pytest.mark.parametrize("length", [10, 1024])
def test_bounds_are_inside(length: int) -> None:
    """The bounds themselves are accepted."""
    passwords.check_new_password("x" * length)


def test_too_long_a_password_is_not_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Megabytes of text use no processor time."""
    monkeypatch.setattr(passwords, "run_in_native_thread", pytest.fail)

    assert not passwords.verify_password("x" * 1025, passwords.DUMMY_HASH)


def test_two_hashes_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With any number of logins, two hashes are computed at a time."""
    running, most = set(), []

    def slow(function: object, *args: str) -> bool:
        running.add(threading.get_ident())
        most.append(len(running))
        time.sleep(0.01)
        running.discard(threading.get_ident())
        return True

    monkeypatch.setattr(passwords, "run_in_native_thread", slow)
    threads = [
        threading.Thread(target=passwords.verify_password, args=("x", "y")) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 8 == len(most)
    assert 2 >= max(most)


def test_a_full_queue_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A login that would wait too long is refused at once."""
    monkeypatch.setattr(passwords, "_waiting", threading.BoundedSemaphore(1))
    with passwords._waiting, pytest.raises(AccessRefused, match="Try again") as refused:
        passwords.verify_password("x", passwords.DUMMY_HASH)

    assert (503, "LOGIN_BUSY") == (refused.value.status, refused.value.code)
    assert not passwords.verify_password("x", passwords.DUMMY_HASH)
