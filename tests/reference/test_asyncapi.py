import pytest

from omcrm.reference.asyncapi import document, received_name, sent_name
from omcrm.reference.registry import CHANNELS
from tests.reference.validator import problems_of_asyncapi, references, resolved


def test_it_is_asyncapi() -> None:
    """It is valid by the official schema."""
    assert [] == problems_of_asyncapi(document())


def test_a_wrong_document_is_noticed() -> None:
    """The test above can fail."""
    wrong = document()
    wrong["channels"]["desk"]["messages"] = "many"

    assert 1 == len(problems_of_asyncapi(wrong))


def test_references_lead_somewhere() -> None:
    """Every reference has a target."""
    whole = document()

    assert len(references(whole)) > 100
    for reference in references(whole):
        assert resolved(whole, reference)


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)
def test_every_message_is_in_it(channel) -> None:
    """In its channel, in an operation, and with its schema."""
    whole = document()
    names = [received_name(channel, message) for message in channel.received]
    names += [sent_name(channel, message) for message in channel.sent]

    used = {
        resolved(whole, reference["$ref"])["$ref"].rpartition("/")[2]
        for operation in whole["operations"].values()
        for reference in operation["messages"]
        if operation["channel"]["$ref"].endswith(f"/{channel.name}")
    }
    assert set(names) == used
    assert all(whole["components"]["messages"][name]["payload"] for name in names)
