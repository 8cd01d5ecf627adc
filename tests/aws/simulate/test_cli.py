"""`./gas simulate`: its tables, its chart, its refusals."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from aws.simulate import observed, plot, reports
from aws.simulate.__main__ import main
from aws.simulate.template import TEMPLATE

DOCS = Path(__file__).parents[3] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


def csv(folder: Path, text: str) -> str:
    path = folder / "load.csv"
    path.write_text(text)
    return str(path)


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    assert "examples:" in shown
    assert "minute,jobs" in shown


def test_a_load_of_ones_own_is_compared_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load, chart = csv(tmp_path, "minute,jobs\n0,5\n3,400\n"), tmp_path / "chart.svg"
    main(["--load", load, "--job-seconds", "30", "--json", "--plot", str(chart)])
    report = json.loads(capsys.readouterr().out)["load"]["annotator"]
    assert report["ours"]["jobs"] == 405
    assert report["drain_ratio"] > 1
    titles = [node.text for node in Xml.parse(chart).getroot().iter(f"{SVG}title")]  # noqa: S314
    assert titles == ["Annotators in service"]


def test_requests_are_compared_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--load", csv(tmp_path, "minute,requests\n0,600\n20,600\n"), "--json"])
    report = json.loads(capsys.readouterr().out)["load"]["web"]
    assert report["ours"]["failed_percent"] == 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the first line must be"),
        ("time,jobs\n", "the first line must be"),
        ("minute,jobs\n", "no minute in it"),
        ("minute,jobs\n0,1\n1,many\n", "line 3: not two whole numbers: 1,many"),
        ("minute,jobs\n-1,1\n", "line 2: neither may be below 0"),
    ],
)
def test_a_load_that_cannot_be_read_is_refused_with_its_line(
    text: str, fault: str, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match=f"gas: .*{fault}"):
        main(["--load", csv(tmp_path, text)])


def test_a_template_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="gas: not a CloudFormation template"):
        main(["--policy", csv(tmp_path, "a: 1")])


def test_the_chart_in_the_docs_is_the_one_that_is_drawn() -> None:
    drawn = plot.chart(*plot.REPRODUCED, observed.panels())
    assert (DOCS / "simulation.svg").read_text() == drawn
    root = Xml.fromstring(drawn)  # noqa: S314
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title") is not None


@pytest.mark.slow
def test_the_tables_in_the_docs_are_those_that_are_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = reports.everything(TEMPLATE, 1)
    docs = "".join((DOCS / name).read_text() for name in ("simulation.md", "capacity.md"))
    sections = re.split(r"^### (.+)\n\n", reports.text(results, TEMPLATE), flags=re.MULTILINE)[1:]
    for title, table in zip(sections[::2], sections[1::2], strict=True):
        assert table.strip() in docs, f"{title}: run ./gas simulate and put its table into docs/"
    assert set(results) >= {"reproduce", "burst", "day"}
    json.dumps(results, allow_nan=False)
