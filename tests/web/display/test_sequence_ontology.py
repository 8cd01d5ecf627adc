from ann.consequences import SEVERITY
from web.display.sequence_ontology import PLAIN_WORDS, TERMS, ontology


def test_bcftools_names_have_their_ontology_terms() -> None:
    assert ontology("missense").terms == (("missense_variant", "SO:0001583"),)


def test_every_word_of_the_annotators_has_its_term_and_plain_words() -> None:
    assert {word: term for word, (term, _) in TERMS.items()} == {
        word: term for word, (term, _) in SEVERITY.items()
    }
    assert set(PLAIN_WORDS) == set(TERMS)


def test_compound_consequences_have_several() -> None:
    assert [name for name, _ in ontology("*stop_gained&frameshift").terms] == [
        "stop_gained",
        "frameshift_variant",
    ]


def test_what_is_not_known_is_left_out() -> None:
    assert ontology("something_new").terms == ()


def test_a_consequence_is_called_by_its_terms() -> None:
    assert ontology("missense").name == "missense_variant"
    assert ontology("*stop_gained").name == "stop_gained, after a stop"
    assert ontology("stop_gained&frameshift").name == "stop_gained & frameshift_variant"
    assert ontology("something_new").name == "something_new"
