import os
import threading
import uuid
from pathlib import Path

import pytest

from aws.resources import World
from aws.storage.stored import S3Object
from web.services.local_copies import LocalCopies, TooLarge

KB = 1000


def stored(world: World, size: int) -> S3Object:
    """A new object of so many bytes."""
    found = S3Object(world.files.results, f"web/u/{uuid.uuid4()}~1/v.parquet")
    world.files.write(found.bucket, found.key, os.urandom(size))
    return found


@pytest.fixture
def copies(world: World, tmp_path: Path) -> LocalCopies:
    return LocalCopies(world.files, tmp_path / "copies", 10 * KB)


def test_an_object_is_fetched_once(world: World, copies: LocalCopies) -> None:
    one = stored(world, KB)
    path = copies.fetch(one)
    world.files.delete(one.bucket, one.key)
    assert copies.fetch(one) == path
    assert path.stat().st_size == KB


def test_the_least_recently_used_copy_goes_first(world: World, copies: LocalCopies) -> None:
    first, second, third = (stored(world, 4 * KB) for _ in range(3))
    old, kept = copies.fetch(first), copies.fetch(second)
    os.utime(kept, (1, 1))
    copies.fetch(first)
    copies.fetch(third)
    assert (old.exists(), kept.exists()) == (True, False)
    assert sum(path.stat().st_size for path in copies.folder.iterdir()) <= copies.max_bytes


def test_an_object_larger_than_the_folder_is_refused_before_a_byte_is_read(
    world: World, copies: LocalCopies
) -> None:
    with pytest.raises(TooLarge):
        copies.fetch(stored(world, 11 * KB))
    assert not copies.folder.exists()


def test_what_is_not_in_s3_leaves_nothing(world: World, copies: LocalCopies) -> None:
    with pytest.raises(FileNotFoundError):
        copies.fetch(S3Object(world.files.results, "web/u/none~1/v.parquet"))


def test_readers_at_a_time_get_one_whole_copy(world: World, copies: LocalCopies) -> None:
    one, sizes = stored(world, 9 * KB), []
    threads = [
        threading.Thread(target=lambda: sizes.append(copies.fetch(one).stat().st_size))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == [9 * KB] * 8
    assert len(list(copies.folder.iterdir())) == 1


def test_an_abandoned_download_goes_when_room_is_needed(world: World, copies: LocalCopies) -> None:
    copies.fetch(stored(world, KB))
    part = copies.folder / "x.part"
    part.write_bytes(bytes(9 * KB))
    os.utime(part, (1, 1))
    copies.fetch(stored(world, 5 * KB))
    assert not part.exists()


def test_a_folder_of_somebody_else_is_not_used(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    with pytest.raises(PermissionError):
        LocalCopies(world.files, folder, 10 * KB).fetch(stored(world, KB))
