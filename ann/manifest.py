"""Compares a reference's files with the checksums in its reference.json."""

import hashlib

import pysam

from ann.references import Reference
from aws.storage.reference_folder import sha256


def faults(reference: Reference) -> list[str]:
    """The faults of a reference's files: each in a line, none where all is well."""
    found = []
    for name, stated in reference.files.items():
        path = reference.path(name)
        if not path.is_file():
            found.append(f"{name} is missing")
        elif path.stat().st_size != stated["bytes"]:
            found.append(f"{name} has {path.stat().st_size:,} bytes, not {stated['bytes']:,}")
        elif sha256(path) != stated["sha256"]:
            found.append(f"{name} has another SHA-256 than reference.json says")
    return found or sequence_faults(reference)


def sequence_faults(reference: Reference) -> list[str]:
    """The contigs whose sequence in the FASTA file has another MD5 than reference.json says."""
    found = []
    with pysam.FastaFile(str(reference.path(reference.fasta))) as file:
        for contig in reference.contigs:
            sequence = file.fetch(contig.name).upper().encode()
            if hashlib.md5(sequence, usedforsecurity=False).hexdigest() != contig.md5:
                found.append(f"contig {contig.name} has another MD5 than reference.json says")
    return found
