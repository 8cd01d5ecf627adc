"""Has htslib index a result by position: TBI, or CSI where positions are beyond a TBI's reach."""

from pathlib import Path

import pysam

from ann.records import VCFError


def write_index(result: Path) -> bool:
    """Write the index beside the result; whether it is a CSI. Raises VCFError where none holds it.

    A TBI reaches to 2^29 bases (https://samtools.github.io/hts-specs/tabix.pdf), a CSI to 2^31.
    """
    try:
        pysam.tabix_index(str(result), preset="vcf", force=True)
        return False
    except OSError as fault:
        if fault.errno:
            raise
    Path(f"{result}.tbi").unlink(missing_ok=True)
    try:
        pysam.tabix_index(str(result), preset="vcf", force=True, csi=True)
        return True
    except OSError as fault:
        if fault.errno:
            raise
        raise VCFError(
            "The records cannot be indexed by position: a POS, or an END or SVLEN in INFO, is "
            "beyond 2,147,483,646 or no number. Please correct it."
        ) from None
