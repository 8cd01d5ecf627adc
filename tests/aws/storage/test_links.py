"""The names that downloads have, whatever letters they are made of (RFC 6266)."""

import pytest
import requests

from aws.resources import World
from tests.conftest import PATIENCE_S


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a b.vcf.gz", 'attachment; filename="a b.vcf.gz"'),
        ('a"b\\c.vcf', "attachment; filename=\"a_b_c.vcf\"; filename*=UTF-8''a%22b%5Cc.vcf"),
        ("größe.vcf", "attachment; filename=\"gr??e.vcf\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.vcf"),
        ("ゲノム", "attachment; filename=\"???\"; filename*=UTF-8''%E3%82%B2%E3%83%8E%E3%83%A0"),
        ("a\r\nX: y", "attachment; filename=\"a__X: y\"; filename*=UTF-8''a%0D%0AX%3A%20y"),
    ],
)
def test_a_download_has_its_own_name(world: World, name: str, header: str) -> None:
    world.files.write(world.files.results, "k", b"x")
    reply = requests.get(world.files.link(world.files.results, "k", name, 60), timeout=PATIENCE_S)
    assert (reply.status_code, reply.headers["Content-Disposition"]) == (200, header)
