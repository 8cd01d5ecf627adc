"""Biotypes: those that bcftools csq knows, and what the others are called for it."""

CODING = (
    *("protein_coding", "polymorphic_pseudogene", "nonsense_mediated_decay", "NMD"),
    *("non_stop_decay", "mRNA", "MRNA"),
    *("IG_C", "IG_D", "IG_J", "IG_LV", "IG_V", "TR_C", "TR_D", "TR_J", "TR_V"),
)
NON_CODING = (
    "3_prime_overlapping_ncRNA",
    "3prime_overlapping_ncRNA",
    "IG_C_pseudogene",
    "IG_J_pseudogene",
    "IG_V_pseudogene",
    "IG_pseudogene",
    "LRG_gene",
    "Mt_rRNA",
    "Mt_tRNA",
    "TR_J_pseudogene",
    "TR_V_pseudogene",
    "ambiguous_orf",
    "antisense",
    "artifact",
    "bidirectional_promoter_lncRNA",
    "disrupted_domain",
    "known_ncrna",
    "lincRNA",
    "lncRNA",
    "macro_lncRNA",
    "miRNA",
    "misc_RNA",
    "processed_pseudogene",
    "processed_transcript",
    "pseudogene",
    "rRNA",
    "retained_intron",
    "retrotransposed",
    "ribozyme",
    "sRNA",
    "scRNA",
    "scaRNA",
    "sense_intronic",
    "sense_overlapping",
    "snRNA",
    "snoRNA",
    "tRNA_pseudogene",
    "transcribed_processed_pseudogene",
    "transcribed_unitary_pseudogene",
    "transcribed_unprocessed_pseudogene",
    "translated_processed_pseudogene",
    "translated_unprocessed_pseudogene",
    "unitary_pseudogene",
    "unprocessed_pseudogene",
    "vaultRNA",
)
"""The biotypes that gff.c of bcftools 1.24 recognises, by the beginning of the word."""
RNA = {
    "RNase_MRP_RNA": "ribozyme",
    "RNase_P_RNA": "ribozyme",
    "SRP_RNA": "misc_RNA",
    "Y_RNA": "misc_RNA",
    "antisense_RNA": "antisense",
    "guide_RNA": "misc_RNA",
    "lincRNA_gene": "lincRNA",
    "lnc_RNA": "lncRNA",
    "ncRNA": "misc_RNA",
    "other": "misc_RNA",
    "piRNA": "misc_RNA",
    "pre_miRNA": "miRNA",
    "primary_transcript": "misc_RNA",
    "pseudogenic_rRNA": "misc_RNA_pseudogene",
    "pseudogenic_tRNA": "tRNA_pseudogene",
    "pseudogenic_transcript": "pseudogene",
    "siRNA": "misc_RNA",
    "tRNA": "misc_RNA",
    "telomerase_RNA": "misc_RNA",
    "tmRNA": "misc_RNA",
    "transcribed_pseudogene": "pseudogene",
    "transcript": "misc_RNA",
    "vault_RNA": "vaultRNA",
}
"""RNA classes that csq would leave out; the gene models keep their own names."""
SEGMENTS = {f"{kind}_gene_segment": f"IG_{kind}_gene" for kind in "CDJV"}
"""RefSeq's immunoglobulin and T-cell receptor genes."""


def is_coding(biotype: str) -> bool:
    """Tell if csq translates transcripts of this biotype."""
    pseudo = biotype.endswith("pseudogene") and biotype != "polymorphic_pseudogene"
    return biotype.startswith(CODING) and not pseudo


def csq_biotype(biotype: str, has_cds: bool) -> str:
    """The biotype under which csq takes a transcript; empty: it takes none such."""
    biotype = SEGMENTS.get(biotype, biotype)
    if is_coding(biotype):
        return biotype
    biotype = RNA.get(biotype, biotype)
    if biotype.startswith(NON_CODING):
        return biotype
    return "protein_coding" if has_cds else ""


def csq_type(biotype: str) -> str:
    """The third column of a transcript's line; csq reads it where it does not know the biotype."""
    return "mRNA" if is_coding(biotype) else "transcript"
