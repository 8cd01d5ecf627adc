"""References that tests add: the small genome of `gene_models`, and the command line."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ann.build import Wanted
from ann.fetch import Fetcher
from ann.install import add
from ann.references import Reference
from tests.ann.gene_models import ENSEMBL, SEQUENCE

Adding = Callable[..., Reference]


def gas_reference(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ann.catalogue", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def adding_to(folder: Path, files: Path, said: list[str]) -> Adding:
    """A function that adds the small genome, with other genes, sequences or options."""

    def run(
        genes: str = ENSEMBL,
        fasta: str = f">c1\n{SEQUENCE}\n",
        path: Path | None = None,
        **options: object,
    ) -> Reference:
        (files / "g.fa").write_text(fasta)
        (files / "g.gff3").write_text(genes)
        order = Wanted("Tiny", str(path or files / "g.fa"), str(files / "g.gff3"))
        order = replace(order, **options)  # type: ignore[arg-type]
        return add(order, folder, lambda downloads: Fetcher(downloads, say=said.append))

    return run
