"""The local world's supervisor inside another program, such as a demo or a test."""

import os
from pathlib import Path

from local.addresses import free_port
from local.service import LocalService


def test_a_world_within_a_program_leaves_the_programs_environment_as_it_was(
    tmp_path: Path,
) -> None:
    before = dict(os.environ)
    with (tmp_path / "log").open("w") as log:
        world = LocalService(free_port(), None, 1, log)
        try:
            world.start_tier(world.base)
        finally:
            world.stop()
    assert dict(os.environ) == before
