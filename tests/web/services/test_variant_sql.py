"""The explorer's queries on a table of the size of a whole human genome."""

from pathlib import Path

import duckdb
import pytest
from werkzeug.datastructures import MultiDict

from tests.conftest import PATIENCE_S
from web.services import variant_sql
from web.services.parquet_engine import ParquetEngine
from web.services.view import View

RECORDS = 4_000_000
TABLE = """COPY (
    SELECT range AS row, range AS record, 'MT' AS chrom, range AS pos, 'A' AS ref, 'G' AS alt,
        'annotated' AS status, if(range % 5 = 0, 'q10', 'PASS') AS filter
    FROM range(4000000)
) TO ? (FORMAT parquet, ROW_GROUP_SIZE 20480)"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("genome") / "variants.parquet"
    with duckdb.connect() as db:
        db.execute(TABLE, [str(path)])
    return path


@pytest.mark.parametrize(("filters", "found"), [({}, RECORDS), ({"filter": "PASS"}, 3_200_000)])
def test_the_numbers_for_a_download_fit_into_the_engines_memory(
    path: Path, filters: dict[str, str], found: int
) -> None:
    engine = ParquetEngine(path.parent, timeout_s=PATIENCE_S)
    schema = {row[0]: row[1] for row in engine.rows(*variant_sql.described(path))}
    table, view = variant_sql.source(path, schema), View.parse(MultiDict(filters), schema)
    assert len(engine.column(*variant_sql.all_rows(table, view))) == found
    assert len(engine.column(*variant_sql.all_records(table, view))) == found
