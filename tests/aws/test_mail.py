"""Mail: one recipient, one line of subject, whatever a file is called."""

import pytest

from aws.mail import Letter
from aws.resources import World
from tests.conftest import Handle


def test_a_letter_arrives_as_it_was_written(world: World, local_aws: Handle) -> None:
    world.mail.send(Letter("ada@example.org", "Größe ≥ 1", "Dear Ada,\n\n… é"))
    mail = local_aws.mail()[0]
    assert (mail["to"], mail["subject"], mail["text"]) == (
        "ada@example.org",
        "Größe ≥ 1",
        "Dear Ada,\n\n… é",
    )


@pytest.mark.parametrize("subject", ["a\nBcc: eve@example.org", "a\rb", "a\u2028b", ""])
def test_a_subject_of_more_than_one_line_is_refused(world: World, subject: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        world.mail.send(Letter("ada@example.org", subject, "text"))


@pytest.mark.parametrize("address", ["", "ada", "a@b@c", "ada@example.org, eve@example.org"])
def test_an_address_that_is_none_is_refused(world: World, address: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        world.mail.send(Letter(address, "subject", "text"))
