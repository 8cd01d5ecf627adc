"""NCBI's genetic codes: what each codon stands for, and which codons begin a protein.

https://www.ncbi.nlm.nih.gov/Taxonomy/Utils/wprintgc.cgi (gc.prt). A test holds every table to the
one in bcftools csq.
"""

from functools import cache
from typing import NamedTuple

STOP = "*"
UNKNOWN = "X"
STANDARD = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
CODONS = tuple(a + b + c for a in "TCAG" for b in "TCAG" for c in "TCAG")
"""In NCBI's order, that of the letters in STANDARD."""
CHANGES = {
    1: {},
    2: {"TGA": "W", "ATA": "M", "AGA": "*", "AGG": "*"},
    3: {"TGA": "W", "ATA": "M", "CTT": "T", "CTC": "T", "CTA": "T", "CTG": "T"},
    4: {"TGA": "W"},
    5: {"TGA": "W", "ATA": "M", "AGA": "S", "AGG": "S"},
    6: {"TAA": "Q", "TAG": "Q"},
    9: {"TGA": "W", "AAA": "N", "AGA": "S", "AGG": "S"},
    10: {"TGA": "C"},
    11: {},
    12: {"CTG": "S"},
    13: {"TGA": "W", "ATA": "M", "AGA": "G", "AGG": "G"},
    14: {"TGA": "W", "TAA": "Y", "AAA": "N", "AGA": "S", "AGG": "S"},
    15: {"TAG": "Q"},
    16: {"TAG": "L"},
    21: {"TGA": "W", "ATA": "M", "AAA": "N", "AGA": "S", "AGG": "S"},
    22: {"TCA": "*", "TAG": "L"},
    23: {"TTA": "*"},
    24: {"TGA": "W", "AGA": "S", "AGG": "K"},
    25: {"TGA": "G"},
    26: {"CTG": "A"},
    27: {"TAA": "Q", "TAG": "Q", "TGA": "W"},
    28: {"TAA": "Q", "TAG": "Q", "TGA": "W"},
    29: {"TAA": "Y", "TAG": "Y"},
    30: {"TAA": "E", "TAG": "E"},
    31: {"TAA": "E", "TAG": "E", "TGA": "W"},
    33: {"TGA": "W", "TAA": "Y", "AGA": "S", "AGG": "K"},
}
"""Where each code differs from the standard one."""
STARTS = {
    2: "ATT ATC ATA ATG GTG",
    3: "ATA ATG GTG",
    4: "TTA TTG CTG ATT ATC ATA ATG GTG",
    5: "TTG ATT ATC ATA ATG GTG",
    9: "ATG GTG",
    11: "TTG CTG ATT ATC ATA ATG GTG",
    12: "CTG ATG",
    13: "TTG ATA ATG GTG",
    21: "ATG GTG",
    23: "ATT ATG GTG",
    24: "TTG CTG ATG GTG",
    25: "TTG ATG GTG",
    26: "CTG ATG",
    33: "TTG CTG ATG GTG",
}
"""Start codons of the codes that have others than ATG.

The standard code is left at ATG: NCBI lists TTG and CTG there as well, which begin a protein in
rare cases, so a gene whose ATG becomes one of them has in all likelihood lost its start.
"""


class GeneticCode(NamedTuple):
    """A genetic code: an amino acid's letter for each codon of upper-case bases."""

    amino: dict[str, str]
    starts: frozenset[str]

    def translate(self, codon: str) -> str:
        """The amino acid's letter; UNKNOWN where a base is."""
        return self.amino.get(codon, UNKNOWN)


@cache
def genetic_code(number: int) -> GeneticCode:
    """NCBI's code of this number. Raises KeyError where there is none."""
    amino = dict(zip(CODONS, STANDARD, strict=True)) | CHANGES[number]
    return GeneticCode(amino, frozenset(STARTS.get(number, "ATG").split()))
