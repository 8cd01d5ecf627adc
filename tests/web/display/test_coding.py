import pytest

from web.display.coding import sentence, sentences


@pytest.mark.parametrize(
    ("hgvs_c", "codons", "hgvs_p", "words"),
    [
        (
            *("c.1019G>A", "cGt/cAt", "p.(Arg340His)"),
            "Codon 340 changes from CGT to CAT: arginine becomes histidine.",
        ),
        (
            *("c.4_5delinsAA", "GCt/AAt", "p.(Ala2Asn)"),
            "Codon 2 changes from GCT to AAT: alanine becomes asparagine.",
        ),
        (
            *("c.255T>C", "ctT/ctC", "p.(Leu85=)"),
            "Codon 85 changes from CTT to CTC: it still stands for leucine.",
        ),
        (
            *("c.27G>A", "tgG/tgA", "p.(Trp9Ter)"),
            "Codon 9 changes from TGG to TGA: tryptophan becomes a stop, "
            "and the protein ends there.",
        ),
        (
            *("c.3G>C", "atG/atC", "p.(Met1?)"),
            "Codon 1 changes from ATG to ATC: it no longer starts the protein.",
        ),
        (
            *("c.3A>G", "atA/atG", "p.(Met1=)"),
            "Codon 1 changes from ATA to ATG: it still starts the protein.",
        ),
        (
            *("c.300A>G", "taA/taG", "p.(Ter100=)"),
            "Codon 100 changes from TAA to TAG: it is still a stop.",
        ),
        (
            *("c.298T>C", "Taa/Caa", "p.(Ter100GlnextTer17)"),
            "Codon 100 changes from TAA to CAA: the stop becomes glutamine, "
            "and the protein goes on, to a stop 17 codons on.",
        ),
        (
            *("c.9del", None, "p.(Gly4ValfsTer2)"),
            "The reading frame shifts at glycine 4, and all that follows is read otherwise, "
            "to a stop 1 codon on.",
        ),
        (
            *("c.9del", None, "p.(Gly4ValfsTer?)"),
            "The reading frame shifts at glycine 4, and all that follows is read otherwise; "
            "no stop is in sight.",
        ),
        ("c.7_9del", None, "p.(Lys3del)", "The protein loses lysine 3."),
        (
            *("c.7_15del", None, "p.(Lys3_Gly5del)"),
            "The protein loses what is from lysine 3 to glycine 5.",
        ),
        ("c.7_9dup", None, "p.(Lys3dup)", "Lysine 3 comes twice."),
        (
            *("c.9_10insGCTTAA", None, "p.(Lys3_Gly4insAlaTer)"),
            "The protein gains alanine and a stop between lysine 3 and glycine 4.",
        ),
        (
            *("c.7_9delinsGCTGTT", None, "p.(Lys3delinsAlaVal)"),
            "Lysine 3 becomes alanine and valine.",
        ),
        (
            *("c.9_10insN", None, f"p.(Lys3_Gly4ins{'Ala' * 6})"),
            "The protein gains 6 amino acids between lysine 3 and glycine 4.",
        ),
        ("c.9_12del", None, "p.?", "What this does to the protein cannot be predicted."),
        ("c.6_7delinsAA", None, "p.(Leu2=)", "Leucine 2 stays as it is."),
        (None, None, None, ""),
        ("c.<b>", "<script>", "p.(<b>)", ""),
    ],
)
def test_coding_consequences_in_words(
    hgvs_c: str | None, codons: str | None, hgvs_p: str | None, words: str
) -> None:
    assert sentence({"hgvs_c": hgvs_c, "codons": codons, "hgvs_p": hgvs_p}) == words


def test_a_table_of_an_earlier_release_has_no_codons() -> None:
    entry = {"hgvs_c": "c.1019G>A", "hgvs_p": "p.(Arg340His)"}
    assert sentence(entry) == "Arginine 340 becomes histidine."


def test_transcripts_of_which_the_same_is_true_share_a_sentence() -> None:
    first = {"gene": "G", "transcript": "T1", "hgvs_c": "c.9del", "hgvs_p": "p.(Lys3del)"}
    silent = {"gene": "R", "transcript": None, "hgvs_c": None, "hgvs_p": None}
    found = sentences([first, {**first, "transcript": "T2"}, silent])
    assert found == {"The protein loses lysine 3.": ["T1", "T2"]}
