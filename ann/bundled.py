"""Makes the bundled reference's tables from its sources: python -m ann.bundled [FOLDER].

recipe.json names the sources; the results are known/*.parquet, genes.parquet and what
reference.json says of them.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ann.genes import write_parquet
from ann.gff import read
from ann.known import build, description, source_recipe
from ann.references import BUNDLED, load
from aws.storage.reference_folder import DESCRIPTION, entry

GENES = "genes.parquet"


def rebuild(folder: Path, out: Path) -> dict[str, Any]:
    """Write the tables of the reference in `folder` to `out`; what reference.json is to say."""
    reference = load(folder)
    recipe = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    contigs, fasta = list(reference.contigs), reference.path(reference.fasta)
    known = []
    for source in recipe["known"]:
        maker = source_recipe(source)
        file = f"known/{maker.name}.parquet"
        (out / file).parent.mkdir(exist_ok=True)
        build(maker, folder / source["from"], contigs, fasta, out / file)
        known.append(description(maker.source(file)))
    write_parquet(read(reference.path(reference.gff3)).genes, contigs, out / GENES)
    stated = reference.describe()
    stated |= {"genes": GENES, "known": known, "regions": recipe["regions"]}
    kept = [reference.fasta, f"{reference.fasta}.fai", reference.gff3]
    files = {name: entry(folder / name) for name in kept}
    files |= {name: entry(out / name) for name in (GENES, *(k["file"] for k in known))}
    return stated | {"files": files}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m ann.bundled", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=BUNDLED / "rCRS")
    args = parser.parse_args()
    stated = rebuild(args.folder, args.folder)
    words = json.dumps(stated, indent=1, ensure_ascii=False) + "\n"
    (args.folder / DESCRIPTION).write_text(words, encoding="utf-8")
    sys.stdout.write(f"{args.folder}: {len(stated['known'])} sources\n")


if __name__ == "__main__":
    main()
