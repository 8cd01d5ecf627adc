"""The sense of csq's words for consequences: Sequence Ontology terms, severity and impact.

Order and impact are Ensembl's ("Calculated variant consequences",
https://www.ensembl.org/info/genome/variation/prediction/predicted_data.html); the words are those
of bcftools csq (https://samtools.github.io/bcftools/bcftools.html#csq).
"""

from typing import NamedTuple

HIGH, MODERATE, LOW, MODIFIER = "HIGH", "MODERATE", "LOW", "MODIFIER"
SEVERITY = {
    "splice_acceptor": ("splice_acceptor_variant", HIGH),
    "splice_donor": ("splice_donor_variant", HIGH),
    "stop_gained": ("stop_gained", HIGH),
    "frameshift": ("frameshift_variant", HIGH),
    "stop_lost": ("stop_lost", HIGH),
    "start_lost": ("start_lost", HIGH),
    "feature_elongation": ("feature_elongation", HIGH),
    "feature_truncation": ("feature_truncation", HIGH),
    "inframe_insertion": ("inframe_insertion", MODERATE),
    "inframe_deletion": ("inframe_deletion", MODERATE),
    "missense": ("missense_variant", MODERATE),
    "inframe_altering": ("protein_altering_variant", MODERATE),
    "splice_region": ("splice_region_variant", LOW),
    "start_retained": ("start_retained_variant", LOW),
    "stop_retained": ("stop_retained_variant", LOW),
    "synonymous": ("synonymous_variant", LOW),
    "coding_sequence": ("coding_sequence_variant", MODIFIER),
    "5_prime_utr": ("5_prime_UTR_variant", MODIFIER),
    "3_prime_utr": ("3_prime_UTR_variant", MODIFIER),
    "non_coding_exon": ("non_coding_transcript_exon_variant", MODIFIER),
    "intron": ("intron_variant", MODIFIER),
    "NMD_transcript": ("NMD_transcript_variant", MODIFIER),
    "non_coding": ("non_coding_transcript_variant", MODIFIER),
    "intergenic": ("intergenic_variant", MODIFIER),
}
"""csq's words, the most severe first: the ontology's term, and Ensembl's impact.

`non_coding_exon` is ours: csq says `non_coding` of a whole RNA gene, introns and all.
"""
RANKS = {word: rank for rank, word in enumerate(SEVERITY)}
AFTER_STOP = "*"
"""csq's mark of a consequence downstream of a stop that another variant made."""
AND = "&"
START_LOST, START_RETAINED, STOP_LOST = "start_lost", "start_retained", "stop_lost"
NON_CODING, NON_CODING_EXON = "non_coding", "non_coding_exon"
LAST = len(SEVERITY)


class Meaning(NamedTuple):
    """The sense of one entry of BCSQ: its words and terms, the most severe first."""

    words: list[str]
    terms: list[str]
    impact: str
    rank: int


def meaning(text: str) -> Meaning:
    """`text` is an entry's consequence, words joined by `&`; a word that csq is not known to use
    stays as it is, behind all others."""
    words = sorted(text.removeprefix(AFTER_STOP).split(AND), key=lambda w: RANKS.get(w, LAST))
    found = [SEVERITY.get(word, (word, MODIFIER)) for word in words]
    return Meaning(words, [term for term, _ in found], found[0][1], RANKS.get(words[0], LAST))


def with_start_retained(text: str) -> str:
    """The consequence of a start codon that became another start codon of the same code.

    csq takes ATG alone for a start, so it says `start_lost` where nothing is lost.
    """
    return AND.join(START_RETAINED if w == START_LOST else w for w in text.split(AND))
