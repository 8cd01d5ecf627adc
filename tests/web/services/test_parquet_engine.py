import threading
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S
from tests.web import parquet
from tests.web.parquet import variant
from web.services.parquet_engine import CONCURRENCY, Gone, ParquetEngine, TooSlow, Unreadable

ENDLESS = "SELECT sum(a.range * b.range % 7) FROM range(10000000) a, range(100000) b"
LIMIT_S = 0.2


@pytest.fixture
def engine(tmp_path: Path) -> ParquetEngine:
    parquet.write(tmp_path / "v", [variant(n) for n in range(10)])
    return ParquetEngine(tmp_path, timeout_s=PATIENCE_S)


def test_a_file_of_the_folder_is_read(engine: ParquetEngine) -> None:
    query = f"SELECT count(*) FROM read_parquet('{engine.folders[0] / 'v'}') WHERE row > ?"  # noqa: S608
    assert engine.rows(query, [4]) == [(5,)]
    assert engine.column(query, [4]).tolist() == [5]


@pytest.mark.parametrize(
    "query",
    [
        "FROM read_csv('/etc/passwd')",
        "FROM read_text('/proc/self/environ')",
        "FROM read_parquet('http://localhost:1/x')",
        "COPY (SELECT 1) TO '/tmp/gas-probe.csv'",
        "ATTACH '/tmp/gas-probe.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '10GB'",
    ],
)
def test_nothing_else_is_within_reach(engine: ParquetEngine, query: str) -> None:
    with pytest.raises(Unreadable):
        engine.rows(query)
    assert not list(Path("/tmp").glob("gas-probe*"))  # noqa: S108


def test_a_file_that_has_gone_is_told_from_one_that_is_no_parquet(engine: ParquetEngine) -> None:
    (engine.folders[0] / "text").write_text("no parquet at all", encoding="utf-8")
    with pytest.raises(Unreadable):
        engine.rows(f"FROM read_parquet('{engine.folders[0] / 'text'}')")
    with pytest.raises(Gone):
        engine.rows(f"FROM read_parquet('{engine.folders[0] / 'gone'}')")


def test_a_query_ends_at_the_time_limit_and_the_next_one_works(tmp_path: Path) -> None:
    engine = ParquetEngine(tmp_path, timeout_s=LIMIT_S)
    with pytest.raises(TooSlow):
        engine.rows(ENDLESS)
    engine.timeout_s = PATIENCE_S
    assert engine.rows("SELECT 1") == [(1,)]


def test_a_query_that_begins_when_its_time_is_over_ends_too(tmp_path: Path) -> None:
    """As where the machine is so busy that the thread stands still before it."""
    engine = ParquetEngine(tmp_path, timeout_s=LIMIT_S)

    def ask_late() -> None:
        with engine._cursor() as cursor:
            threading.Event().wait(2 * LIMIT_S)
            cursor.execute(ENDLESS)

    with pytest.raises(TooSlow):
        ask_late()


def test_a_query_that_needs_too_much_memory_is_given_up(tmp_path: Path) -> None:
    engine = ParquetEngine(tmp_path, timeout_s=PATIENCE_S)
    with pytest.raises(TooSlow, match="OutOfMemory"):
        engine.rows("SELECT list(range || 'x' ORDER BY hash(range)) FROM range(20000000)")


def test_threads_query_at_a_time_each_with_its_own_answer(engine: ParquetEngine) -> None:
    answers: dict[int, object] = {}

    def ask(number: int) -> None:
        answers[number] = engine.rows("SELECT ?::BIGINT + sum(range) FROM range(1000)", [number])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: [(number + 499500,)] for number in range(12)}


def test_a_query_that_cannot_begin_takes_no_place(
    engine: ParquetEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Timer, "start", no_thread)
        for _ in range(CONCURRENCY):
            with pytest.raises(RuntimeError):
                engine.rows("SELECT 1")
    assert engine.rows("SELECT 1") == [(1,)]
