"""Recognises what a file is when it is no VCF, and shows a bit of it safely."""

GZIP = b"\x1f\x8b"
MAGIC = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"PK\x03\x04": "a ZIP archive (or an Excel or Word file)",
    b"%PDF": "a PDF document",
    b"BCF": "a BCF file; convert it first: bcftools view -Oz -o file.vcf.gz file.bcf",
    b"BAM\x01": "a BAM file, which holds reads, not variants",
    b"CRAM": "a CRAM file, which holds reads, not variants",
    b"<!DO": "a web page (HTML)",
    b"<htm": "a web page (HTML)",
    GZIP: "compressed twice; unpack it once: gunzip file.vcf.gz",
    b"\xff\xfe": "saved as UTF-16; save it as plain UTF-8 text",
}


def shown(text: bytes) -> str:
    """A few characters of anyone's text, safe to show."""
    start = text[:40].decode("ascii", "replace").strip()
    return repr("".join(c if c.isprintable() else "\ufffd" for c in start))


def looks_like(line: bytes) -> str:
    """What a file is that begins with this line, and is no VCF."""
    start = line.lstrip()[:4]
    for magic, what in MAGIC.items():
        if start.lower().startswith(magic.lower()):
            return f"it is {what}"
    if line.startswith((b"#CHROM", b"#chrom")):
        return "its ##fileformat line is missing"
    if b"\0" in line:
        return "it is a binary file"
    return f"it starts with {shown(line)}" if line.strip() else "its first line is blank"
