"""The tags that the VCF specification reserves, with the types it gives them.

VCF 4.5, tables 1 and 2 and section 3: https://samtools.github.io/hts-specs/VCFv4.5.pdf
"""

NOTE = "as the VCF specification reserves it; not declared in the input"
INFO = {
    "AA": "1 String", "AC": "A Integer", "AD": "R Integer", "ADF": "R Integer",
    "ADR": "R Integer", "AF": "A Float", "AN": "1 Integer", "BQ": "1 Float", "CIGAR": "A String",
    "DB": "0 Flag", "DP": "1 Integer", "END": "1 Integer", "H2": "0 Flag", "H3": "0 Flag",
    "MQ": "1 Float", "MQ0": "1 Integer", "NS": "1 Integer", "SB": "4 Integer",
    "SOMATIC": "0 Flag", "VALIDATED": "0 Flag", "1000G": "0 Flag", "IMPRECISE": "0 Flag",
    "NOVEL": "0 Flag", "SVTYPE": "1 String", "SVLEN": "A Integer", "CIPOS": ". Integer",
    "CIEND": ". Integer", "HOMLEN": "A Integer", "HOMSEQ": "A String", "BKPTID": "A String",
    "MATEID": "A String", "PARID": "A String", "EVENT": "A String", "DGVID": "A String",
    "DBVARID": "A String", "DBRIPID": "A String",
}  # fmt: skip
FORMAT = {
    "AD": "R Integer", "ADF": "R Integer", "ADR": "R Integer", "DP": "1 Integer",
    "EC": "A Integer", "FT": "1 String", "GL": "G Float", "GP": "G Float", "GQ": "1 Integer",
    "GT": "1 String", "HQ": "2 Integer", "MQ": "1 Integer", "PL": "G Integer",
    "PP": "G Integer", "PQ": "1 Integer", "PS": "1 Integer", "CN": "1 Integer",
    "CNQ": "1 Float", "NQ": "1 Integer", "HAP": "1 Integer", "AHAP": "1 Integer",
}  # fmt: skip
"""Each tag with its Number and its Type."""


def reserved(kind: bytes, name: bytes, is_flag: bool) -> bytes | None:
    """The rest of a declaration, behind the ID; None where the tag is not reserved as it is used.

    `is_flag`: the record has the tag without a value.
    """
    table = INFO if kind == b"INFO" else FORMAT
    found = table.get(name.decode("latin-1"))
    if found is None or found.endswith("Flag") is not is_flag:
        return None
    number, type_ = found.split(" ")
    return f'Number={number},Type={type_},Description="{NOTE}">'.encode()
