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
    "non_coding_exon": ("non_coding_transcript_exon_variant", "SO:0001792"),
    "intron": ("intron_variant", "SO:0001627"),
    "NMD_transcript": ("NMD_transcript_variant", "SO:0001621"),
    "non_coding": ("non_coding_transcript_variant", "SO:0001619"),
    "intergenic": ("intergenic_variant", "SO:0001628"),
    "coding_sequence": ("coding_sequence_variant", "SO:0001580"),
    "feature_elongation": ("feature_elongation", "SO:0001907"),
    "feature_truncation": ("feature_truncation", "SO:0001906"),
}
PLAIN_WORDS = {
    "missense": "one amino acid becomes another",
    "synonymous": "the bases of a codon change, its amino acid does not",
    "stop_gained": "a codon becomes a stop: the protein ends early",
    "stop_lost": "the stop codon is gone: the protein goes on",
    "stop_retained": "the stop codon changes and is still a stop",
    "start_lost": "the first codon no longer starts the protein",
    "start_retained": "the first codon changes and still starts the protein",
    "frameshift": "bases come or go, and not by threes: all that follows is read otherwise",
    "inframe_insertion": "whole amino acids come in",
    "inframe_deletion": "whole amino acids go",
    "inframe_altering": "the protein changes in a way that has no simpler name",
    "splice_acceptor": "the last two bases of an intron, by which it is cut out",
    "splice_donor": "the first two bases of an intron, by which it is cut out",
    "splice_region": "close to where an intron is cut out",
    "5_prime_utr": "before the coding part of a transcript",
    "3_prime_utr": "after the coding part of a transcript",
    "non_coding_exon": "in the RNA of a gene that makes no protein, such as a tRNA's or an rRNA's",
    "intron": "in a part that is cut out of the transcript",
    "NMD_transcript": "in a transcript that the cell breaks down before it makes a protein",
    "non_coding": "in a transcript that makes no protein, such as a tRNA's or an rRNA's",
    "intergenic": "between genes",
    "coding_sequence": "in a coding part, with an effect that cannot be known",
    "feature_elongation": "a large variant makes a feature longer",
    "feature_truncation": "a large variant makes a feature shorter",
}
"""What each consequence means to somebody who does not know the term."""
AFTER_STOP = "*"
"""bcftools' mark of a consequence downstream of a stop that another variant made."""


@dataclass(frozen=True)
class OntologyTerms:
    """A consequence as bcftools names it, and its Sequence Ontology terms (name, id)."""

    consequence: str
    terms: tuple[tuple[str, str], ...]
    words: str = ""
    """The same in plain words."""

    @property
    def name(self) -> str:
        """The terms as one name; bcftools' own word where it is of no term."""
        names = " & ".join(name for name, _ in self.terms) or self.consequence
        return f"{names}, after a stop" if self.consequence.startswith(AFTER_STOP) else names


def ontology(consequence: str) -> OntologyTerms:
    """The terms of a consequence, which may be several joined by `&`; unknown ones are left out."""
    parts = consequence.removeprefix(AFTER_STOP).split("&")
    found = [part for part in parts if part in TERMS]
    words = "; ".join(PLAIN_WORDS[part] for part in found)
    return OntologyTerms(consequence, tuple(TERMS[part] for part in found), words)
