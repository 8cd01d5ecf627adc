import gzip
import html
import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from aws.resources import World
from aws.rows.job import Job
from tests import builders
from tests.web import parquet
from tests.web.browser import Person
from tests.web.conftest import body_of
from tests.web.parquet import unannotated, variant
from web.services.explorer import CHOICES_SHOWN

HOSTILE = "<script>alert(1)</script>"
FEW = [
    variant(0, pos=100, qual=30.0, impact="HIGH", consequence="stop_gained", id="rs77;rs78"),
    variant(1, pos=3243, qual=10.0, known_id="rs199474657", af=0.02, significance="Pathogenic",
            hgvs_g="NC_012920.1:m.3243A>G", clinvar_variation_id=9589),
    variant(2, pos=4000, qual=20.0, gene="MT-ND2", filter="q10", n_called=3, n_het=1, n_hom=2),
    unannotated(3, "REF differs from the reference", pos=5000),
]  # fmt: skip


def explored(
    world: World, person: Person, folder: Path, rows: list[dict[str, Any]] | None = None
) -> Job:
    """A completed job with these variants."""
    job = builders.completed(world, person)
    path = parquet.write(folder / "variants.parquet", FEW if rows is None else rows)
    stored = job.outputs["variants"]
    world.files.write(stored.bucket, stored.key, path.read_bytes())
    return job


def page(person: Person, job: Job, query: str = "") -> str:
    reply = person.get(f"/annotations/{job.job_id}/variants{query}")
    assert reply.status_code == 200, reply.text
    return reply.text


def names(text: str) -> list[str]:
    """The variants of a page, in order."""
    found = re.findall(r'<th scope="row">\s*<a [^>]+>([^<]+)</a>', text)
    return [html.unescape(name) for name in found]


def link(text: str, rel: str) -> str | None:
    found = re.search(rf'href="([^"]+)" rel="{rel}"', text)
    return html.unescape(found[1]) if found else None


def positions(person: Person, job: Job, query: str) -> list[int]:
    return [int(name.split(":")[1].split()[0]) for name in names(page(person, job, query))]


@pytest.fixture
def job(world: World, ada: Person, tmp_path: Path) -> Job:
    return explored(world, ada, tmp_path)


def test_a_row_for_each_variant_with_its_reason_where_it_was_set_aside(
    ada: Person, job: Job
) -> None:
    text = page(ada, job)
    assert names(text)[1] == "MT:3243 A>G"
    assert "4 variants" in text
    for words in ("REF differs from the reference", "rs199474657", "1 het, 2 hom of 3"):
        assert words in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("consequence=stop_gained", [100]),
        ("consequence=missense", [3243, 4000]),
        ("consequence=none", [5000]),
        ("consequence=none&consequence=stop_gained", [100, 5000]),
        ("impact=HIGH", [100]),
        ("gene=MT-ND2", [4000]),
        ("gene=MT-ND1&impact=MODERATE", [3243]),
        ("term=missense", [3243, 4000]),
        ("region=MT:3000-4,500", [3243, 4000]),
        ("region=MT:100", [100]),
        ("region=chrX", []),
        ("region=MT:1-200&region=MT:5000", [100, 5000]),
        ("known=yes", [3243]),
        ("known=no", [100, 4000, 5000]),
        ("significance=Pathogenic", [3243]),
        ("af_min=0.01", [3243]),
        ("af_max=0.01", [100, 4000, 5000]),
        ("qual_min=20", [100, 4000]),
        ("type=SNV&filter=q10", [4000]),
        ("status=annotated&filter=PASS", [100, 3243]),
        ("q=rs199474657", [3243]),
        ("q=RS199474657", [3243]),
        ("q=rs77", [100]),
        ("q=rs78", [100]),
        ("q=m.3243a>g", [3243]),
        ("q=MT:4000", [4000]),
        ("q=MT 4000 A G", [4000]),
        ("q=nd2", [4000]),
        ("gene=&region=&q=", [100, 3243, 4000, 5000]),
    ],
)
def test_filters(ada: Person, job: Job, query: str, found: list[int]) -> None:
    assert positions(ada, job, f"?{query}") == found


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("qual", [3243, 4000, 100, 5000]),
        ("-qual", [100, 4000, 3243, 5000]),
        ("-pos", [5000, 4000, 3243, 100]),
        ("row", [100, 3243, 4000, 5000]),
        ("-row", [5000, 4000, 3243, 100]),
        ("impact", [100, 3243, 4000, 5000]),
        ("-known_id", [3243, 100, 4000, 5000]),
    ],
)
def test_any_column_sorts_and_empty_cells_are_last(
    ada: Person, job: Job, sort: str, found: list[int]
) -> None:
    assert positions(ada, job, f"?sort={sort}") == found


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("colour=red", "“colour” is no filter"),
        ("sort=colour", "no column to sort by"),
        ("sort=genes", "no column to sort by"),
        ("sort=-", "no column to sort by"),
        ("sort=qual;drop table x", "no column to sort by"),
        ("columns=colour", "no column of this table"),
        ("region=MT:x", "is no region"),
        ("region=MT:,", "is no region"),
        ("af_max=rare", "is no number"),
        ("qual_min=nan", "is no number"),
        ("known=perhaps", "known is yes or no"),
        ("after=nonsense", "no place in the table"),
        ("after=999", "no place in the table"),
        ("q=" + "x" * 600, "too long"),
    ],
)
def test_what_is_no_view_is_refused_in_words(ada: Person, job: Job, query: str, words: str) -> None:
    table = f"/annotations/{job.job_id}/variants"
    reply = ada.get(f"{table}?{query}")
    assert (reply.status_code, words in reply.text) == (400, True), reply.text
    assert f'href="{table}">All variants</a>' in reply.text


@pytest.mark.parametrize("value", ["' OR 1=1 --", "%", "____", "$1", "\\", "“", "\x00"])
@pytest.mark.parametrize("name", ["q", "gene", "region", "consequence", "term", "filter"])
def test_no_value_is_ever_sql(ada: Person, job: Job, name: str, value: str) -> None:
    reply = ada.get(f"/annotations/{job.job_id}/variants", query_string={name: value})
    assert reply.status_code in (200, 400)
    assert names(reply.text) == []


@pytest.mark.parametrize("sort", ["", "-row", "qual", "-qual", "-pos", "gene", "-gene"])
def test_pages_go_forth_and_back_by_the_last_key(
    ada: Person, world: World, tmp_path: Path, sort: str
) -> None:
    rows = [
        variant(n, pos=n + 1, qual=None if n % 7 == 0 else float(n % 5), gene=f"G{n % 3}")
        for n in range(120)
    ]
    job = explored(world, ada, tmp_path, rows)
    first = page(ada, job, f"?sort={sort}" if sort else "")
    pages, text = [names(first)], first
    while address := link(text, "next"):
        text = ada.get(address).text
        pages.append(names(text))
    assert [len(p) for p in pages] == [50, 50, 20]
    assert len({name for p in pages for name in p}) == 120
    back = []
    while address := link(text, "prev"):
        text = ada.get(address).text
        back.append(names(text))
    assert back == pages[-2::-1]
    assert "prev" not in text.split("pages")[-1]


def test_counts_are_under_the_other_filters(ada: Person, job: Job) -> None:
    reply = ada.get(f"/annotations/{job.job_id}/variants/counts?impact=HIGH&type=SNV")
    found = body_of(reply)
    assert found["total"] == 1
    assert found["facets"]["impact"] == {"HIGH": 1, "MODERATE": 2, "none": 1}
    assert found["facets"]["consequence"] == {"stop_gained": 1}
    assert found["facets"]["known"] == {"no": 1}


def test_no_more_choices_are_counted_than_are_shown(
    ada: Person, world: World, tmp_path: Path
) -> None:
    rows = [variant(n, filter=f"F{min(n, 99)}", qual=float(n)) for n in range(110)]
    address = f"/annotations/{explored(world, ada, tmp_path, rows).job_id}/variants/counts"
    shown = body_of(ada.get(address))["facets"]["filter"]
    assert (len(shown), shown["F99"]) == (CHOICES_SHOWN, 11)
    low = body_of(ada.get(f"{address}?qual_min=0&filter=F98"))["facets"]["filter"]
    assert set(low) == {*shown, "F98"}
    high = body_of(ada.get(f"{address}?qual_min=100"))
    assert (high["total"], high["facets"]["filter"]) == (10, {"F99": 10})


def test_every_choice_that_is_offered_can_be_made(
    ada: Person, world: World, tmp_path: Path
) -> None:
    filters = ["PASS", "clustered_events;" * 15, "L" * 1_000_000]
    job = explored(world, ada, tmp_path, [variant(n, filter=f) for n, f in enumerate(filters)])
    offered = body_of(ada.get(f"/annotations/{job.job_id}/variants/counts"))["facets"]["filter"]
    assert set(offered) == set(filters[:2])
    for choice in offered:
        assert len(names(page(ada, job, f"?{urlencode({'filter': choice})}"))) == 1


def test_without_a_script_the_counts_are_a_link_away(ada: Person, job: Job) -> None:
    text = page(ada, job, "?impact=HIGH")
    assert "Count the variants behind each choice" in text
    counted = page(ada, job, "?impact=HIGH&counts=1")
    assert 'data-facet="impact" data-value="MODERATE">2</span>' in counted
    assert "1 variant matches" in counted


def test_columns_are_chosen_in_the_address(ada: Person, job: Job) -> None:
    text = page(ada, job, "?columns=type,clinvar_variation_id&columns=genotypes")
    headings = re.findall(r'<th scope="col"[^>]*>\s*(?:<a [^>]+>)?([^<]+)', text)
    words = [heading.lower().replace(" ", "").strip() for heading in headings]
    assert words == ["variant", "type", "clinvarvariationid", "genotypes"], "as listed, or not"
    assert "9589" in text


def test_headings_sort_and_say_how(ada: Person, job: Job) -> None:
    text = page(ada, job, "?sort=qual")
    assert re.search(r'aria-sort="ascending">\s*<a [^>]*sort=-qual', text)
    assert len(re.findall("aria-sort", text)) == 1
    assert re.search(r'aria-sort="ascending">\s*<a [^>]*sort=-row', page(ada, job))


def test_a_file_without_variants_says_so(ada: Person, world: World, tmp_path: Path) -> None:
    assert "This file has no variants" in page(ada, explored(world, ada, tmp_path, []))
    assert "0 variants match" in page(ada, explored(world, ada, tmp_path, []), "?counts=1&gene=A")
    job = explored(world, ada, tmp_path)
    assert "No variant passes all of these filters" in page(ada, job, "?gene=NONE")


def test_what_i_see_comes_as_tsv(ada: Person, job: Job) -> None:
    reply = ada.get(f"/annotations/{job.job_id}/variants/tsv?sort=-qual&columns=qual,gene&known=no")
    lines = reply.text.splitlines()
    assert lines[0].split("\t") == ["chrom", "pos", "ref", "alt", "status", "qual", "gene"]
    assert [line.split("\t")[1] for line in lines[1:]] == ["100", "4000", "5000"]
    assert "a.variants.tsv" in reply.headers["Content-Disposition"]


def test_what_i_see_comes_as_the_very_records(ada: Person, world: World, tmp_path: Path) -> None:
    rows = [
        variant(0, record=0, pos=1),
        variant(1, record=1, pos=2, gene="A"),
        variant(2, record=1, pos=2, alt="C", gene="A"),
        variant(3, record=2, pos=3, gene="A"),
        variant(4, record=3, pos=4),
    ]
    job = explored(world, ada, tmp_path, rows)
    lines = [b"##fileformat=VCFv4.2\n", b"#CHROM\tPOS\n", *(b"MT\t%d\n" % n for n in (1, 2, 3, 4))]
    half = gzip.compress(b"".join(lines[:4])) + gzip.compress(b"".join(lines[4:]))
    world.files.write(job.result.bucket, job.result.key, half)
    reply = ada.get(f"/annotations/{job.job_id}/variants/vcf?gene=A&sort=-pos")
    assert reply.data == b"".join([*lines[:2], lines[3], lines[4]])
    assert "a.variants.vcf" in reply.headers["Content-Disposition"]
    everything = ada.get(f"/annotations/{job.job_id}/variants/vcf")
    assert everything.data == b"".join(lines)


def test_a_vcf_is_opened_for_who_reads_it_and_closed_after_them(
    ada: Person, job: Job, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page(ada, job)
    streams: list[Any] = []
    lines = (f"MT\t{n}\t{secrets.token_hex(1000)}\n".encode() for n in range(100))
    world.files.write(job.result.bucket, job.result.key, gzip.compress(b"".join(lines)))
    open_one = world.files.s3.get_object

    def noted(**of: Any) -> Any:
        streams.append(open_one(**of))
        return streams[-1]

    monkeypatch.setattr(world.files.s3, "get_object", noted)
    path = f"/annotations/{job.job_id}/variants/vcf"
    assert ada.client.head(path).status_code == 200
    assert streams == []
    ada.client.get(f"{path}?impact=HIGH", buffered=False).close()
    assert [stream["Body"]._raw_stream.closed for stream in streams] == [True]


def test_records_of_a_sleeping_vcf_are_refused_in_words(
    grace: Person, world: World, tmp_path: Path
) -> None:
    job = builders.archived(world, grace)
    stored = job.outputs["variants"]
    path = parquet.write(tmp_path / "variants.parquet", FEW)
    world.files.write(stored.bucket, stored.key, path.read_bytes())
    reply = grace.get(f"/annotations/{job.job_id}/variants/vcf")
    assert (reply.status_code, "in the archive" in reply.text) == (409, True)
    assert "Its records (VCF)" not in page(grace, job)


def test_hostile_cells_are_text_on_the_page_and_in_the_spreadsheet(
    ada: Person, world: World, tmp_path: Path
) -> None:
    long = "ACGT" * 5000
    rows = [
        variant(0, gene=HOSTILE, id='=HYPERLINK("http://x")', filter="@SUM(1)", ref=long),
        variant(1, gene="x\ty\nz", id='"=1+1"', filter=HOSTILE, alt="<DEL>", disease="\ufffd"),
    ]
    job = explored(world, ada, tmp_path, rows)
    columns = "?columns=gene,id,filter,consequence,disease"
    for path in ("", columns, "/0", "/1", "?counts=1&filter=@SUM(1)"):
        text = page(ada, job, path)
        assert "<script>alert" not in text
        assert len(text) < 60_000
    assert long[:5000] in page(ada, job, "/0")
    tsv = ada.get(f"/annotations/{job.job_id}/variants/tsv{columns}").text.splitlines()
    assert len(tsv) == 3
    cells = [line.split("\t") for line in tsv[1:]]
    assert {len(row) for row in cells} == {len(tsv[0].split("\t"))}
    assert not [c for row in cells for c in row if c[:1] in ("=", "+", "-", "@", '"')]


def test_one_variant_with_all_that_is_known(ada: Person, job: Job) -> None:
    text = page(ada, job, "/1")
    for words in (
        "MT:3243 A&gt;G",
        "https://www.ncbi.nlm.nih.gov/snp/rs199474657",
        "https://www.ncbi.nlm.nih.gov/clinvar/variation/9589/",
        "https://gnomad.broadinstitute.org/variant/M-3243-A-G?dataset=gnomad_r3",
        "mitomap.org",
    ):
        assert words in text


def test_the_codon_and_the_protein_change_are_told_in_words(
    ada: Person, world: World, tmp_path: Path
) -> None:
    names = {"hgvs_c": "c.1019G>A", "hgvs_p": "p.(Arg340His)", "codons": "cGc/cAc"}
    text = page(ada, explored(world, ada, tmp_path, [variant(0, pos=11778, **names)]), "/0")
    assert "Codon 340 changes from CGC to CAC: arginine becomes histidine." in text
    assert "<td>cGc/cAc</td>" in text


@pytest.mark.parametrize("row", ["4", "-1", "x", "1e3", "9" * 30])
def test_an_unknown_row_is_404(ada: Person, job: Job, row: str) -> None:
    assert ada.get(f"/annotations/{job.job_id}/variants/{row}").status_code == 404


@pytest.mark.parametrize("rest", ["", "/counts", "/tsv", "/vcf", "/parquet", "/0"])
def test_a_free_user_explores_until_the_result_is_archived(
    ada: Person, world: World, rest: str
) -> None:
    job = builders.archived(world, ada)
    reply = ada.get(f"/annotations/{job.job_id}/variants{rest}")
    assert reply.status_code == 403
    for words in ("kept", "Subscribe to explore", "/subscribe"):
        assert words in reply.text
    assert "Explore the variants" not in ada.get(f"/annotations/{job.job_id}").text


def test_premium_explores_while_the_vcf_is_still_in_the_archive(
    grace: Person, world: World, tmp_path: Path
) -> None:
    job = builders.archived(world, grace)
    stored = job.outputs["variants"]
    path = parquet.write(tmp_path / "variants.parquet", FEW)
    world.files.write(stored.bucket, stored.key, path.read_bytes())
    assert len(names(page(grace, job))) == 4
    assert "Explore the variants" in grace.get(f"/annotations/{job.job_id}").text


def test_a_job_that_has_no_table_says_why(ada: Person, world: World) -> None:
    waiting, failed = builders.pending(world, ada), builders.failed(world, ada, "no VCF")
    for job, words in ((waiting, "not here yet"), (failed, "has no variants")):
        reply = ada.get(f"/annotations/{job.job_id}/variants")
        assert (reply.status_code, words in reply.text) == (409, True)


def test_a_result_older_than_the_explorer_has_a_page(ada: Person, world: World) -> None:
    job = builders.completed(world, ada)
    table = world.jobs.table
    table.client.update_item(
        TableName=table.name,
        Key={"job_id": {"S": job.job_id}},
        UpdateExpression="REMOVE s3_key_variants_file",
    )
    reply = ada.get(f"/annotations/{job.job_id}/variants")
    assert (reply.status_code, "annotate the file again" in reply.text) == (404, True)


def test_a_table_that_cannot_be_read_is_no_traceback(ada: Person, world: World) -> None:
    reply = ada.get(f"/annotations/{builders.completed(world, ada).job_id}/variants")
    assert (reply.status_code, "cannot be read" in reply.text) == (500, True)


def test_the_jobs_page_leads_to_the_filters(ada: Person, job: Job) -> None:
    text = ada.get(f"/annotations/{job.job_id}").text
    address = re.search(r'href="([^"]+variants\?term=missense[^"]*)"', text)
    assert address
    assert len(names(ada.get(html.unescape(address[1])).text)) == 2
    assert ">missense_variant</a>" in text


def test_the_whole_table_is_one_link_away(ada: Person, job: Job) -> None:
    reply = ada.get(f"/annotations/{job.job_id}/variants/parquet")
    assert (reply.status_code, "a.variants.parquet" in reply.location) == (302, True)
