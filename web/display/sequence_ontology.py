"""The consequences that bcftools csq calls, as the Sequence Ontology names them.

http://www.sequenceontology.org/; bcftools' shorter names are listed in `bcftools csq`'s manual.
"""

from dataclasses import dataclass

TERMS = {
    "missense": ("missense_variant", "SO:0001583"),
    "synonymous": ("synonymous_variant", "SO:0001819"),
    "stop_gained": ("stop_gained", "SO:0001587"),
    "stop_lost": ("stop_lost", "SO:0001578"),
    "stop_retained": ("stop_retained_variant", "SO:0001567"),
    "start_lost": ("start_lost", "SO:0002012"),
    "start_retained": ("start_retained_variant", "SO:0002019"),
    "frameshift": ("frameshift_variant", "SO:0001589"),
    "inframe_insertion": ("inframe_insertion", "SO:0001821"),
    "inframe_deletion": ("inframe_deletion", "SO:0001822"),
    "inframe_altering": ("protein_altering_variant", "SO:0001818"),
    "splice_acceptor": ("splice_acceptor_variant", "SO:0001574"),
    "splice_donor": ("splice_donor_variant", "SO:0001575"),
    "splice_region": ("splice_region_variant", "SO:0001630"),
    "5_prime_utr": ("5_prime_UTR_variant", "SO:0001623"),
    "3_prime_utr": ("3_prime_UTR_variant", "SO:0001624"),
    "non_coding": ("non_coding_transcript_variant", "SO:0001619"),
    "intron": ("intron_variant", "SO:0001627"),
    "intergenic": ("intergenic_variant", "SO:0001628"),
    "coding_sequence": ("coding_sequence_variant", "SO:0001580"),
    "feature_elongation": ("feature_elongation", "SO:0001907"),
    "feature_truncation": ("feature_truncation", "SO:0001906"),
}
AFTER_STOP = "*"
"""bcftools' mark of a consequence downstream of a stop that another variant made."""


@dataclass(frozen=True)
class OntologyTerms:
    """A consequence as bcftools names it, and its Sequence Ontology terms (name, id)."""

    consequence: str
    terms: tuple[tuple[str, str], ...]


def ontology(consequence: str) -> OntologyTerms:
    """The terms of a consequence, which may be several joined by `&`; unknown ones are left out."""
    parts = consequence.removeprefix(AFTER_STOP).split("&")
    return OntologyTerms(consequence, tuple(TERMS[p] for p in parts if p in TERMS))
