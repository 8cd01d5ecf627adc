"""Uploading: the form for S3, the same for the script, and the address S3 redirects to."""

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from vcf import contig_check, file_type, pasted
from web.context import site, world
from web.display.plain_text import plain_line
from web.rate_limits import demand_within_limits
from web.routes import own_annotation, uploads
from web.routes.own_annotation import OwnAnnotation
from web.services import bundled
from web.session import account

bp = Blueprint("annotate", __name__)

PARTS_ABOVE = 100_000_000
"""The size in bytes from which on the script sends a file in parts."""
BATCH_CHARACTERS, MOST_FILES = 100, 1000

MODES = {
    "": "As the file allows",
    "local": "Each variant by itself",
    "haplotype": "By haplotype (phased files)",
}
"""The ways of calling consequences (`mode` of a job's row), in words."""


@bp.get("/annotate")
def index() -> str:
    """The form: it works as it stands; upload.js makes it comfortable."""
    demand_within_limits(account().user_id)
    chosen = choices()
    form, _ = uploads.issue(account(), chosen, scripted=False)
    return render_template(
        "annotate.html",
        form=form,
        account=account(),
        max_bytes=uploads.max_bytes(account()),
        tiers=site().config.tiers,
        references=site().references.installed(),
        chosen=chosen,
        own=_own_annotation(),
        own_form=own_annotation.form_for(account(), uploads.max_bytes(account())),
        modes=MODES,
        file_types=file_type.for_browser(),
        has_example=any(r.name == bundled.NAME for r in site().references.installed()),
        most_lines=pasted.MOST_LINES,
        parts_above=PARTS_ABOVE,
        contigs=contig_check.for_browser(site().references.genomes()),
    )


@bp.get("/annotate/form")
def form() -> Response:
    """A fresh form for one upload by the script, and the address to go to after it."""
    demand_within_limits(account().user_id)
    made, then = uploads.issue(account(), choices(), scripted=True)
    bucket = world().files.inputs
    return jsonify(url=made.url, fields=made.fields, then=then, bucket=bucket)


@bp.post("/annotate/example")
def example() -> AnyResponse:
    """Annotate the example that comes with the bundled genome."""
    chosen = choices()._replace(reference=bundled.NAME)
    text, name = bundled.EXAMPLE.read_bytes(), bundled.EXAMPLE.name
    made = uploads.submit_text(text, name, account(), chosen)
    return redirect(url_for("annotations.details", job_id=made.job_id), 303)


@bp.post("/annotate/paste")
def paste() -> AnyResponse:
    """Annotate variants that were typed or pasted, a line each."""
    chosen = choices()
    try:
        text = pasted.vcf_of(request.form.get("variants", ""), bundled.variants_of)
    except pasted.PasteError as refusal:
        abort(400, str(refusal))
    uploads.demand_genome(text, chosen.reference)
    made = uploads.submit_text(text, "pasted.vcf", account(), chosen)
    return redirect(url_for("annotations.details", job_id=made.job_id), 303)


@bp.get("/annotate/job")
def job() -> AnyResponse:
    """Make a job of an upload, after S3's redirect; loading it again shows the same job.

    It changes state on a GET: the ticket names the one job that it can create, for its owner.
    """
    user = account()
    upload = uploads.parse(
        request.args.get("bucket", ""), request.args.get("key", ""), user.user_id
    )
    found = uploads.existing_job(upload, user.user_id) or uploads.submit(
        upload, user, request.args.get("ticket", "")
    )
    return redirect(url_for("annotations.details", job_id=found.job_id))


def choices() -> uploads.Choices:
    """The user's choices: a reference (else detected), how to call, an annotation and its tag."""
    name = request.values.get("reference", "")
    if name and name not in {r.name for r in site().references.installed()}:
        abort(400, "That reference genome is not installed here. Please choose one of the list.")
    mode = request.values.get("mode", "")
    if mode not in MODES:
        abort(400, "There is no such way of calling consequences. Please choose one of the list.")
    batch = plain_line(request.values.get("batch", ""))[:BATCH_CHARACTERS]
    size = max(0, min(request.values.get("batch_size", 0, type=int), MOST_FILES)) if batch else 0
    own = _own_annotation()
    if own is None:
        return uploads.Choices(name, mode, batch=batch, batch_size=size)
    tag = request.values.get("tag", "") or own.usual_tag
    own_annotation.demand_tag(tag)
    return uploads.Choices(name, mode, own.key, tag, batch, size)


def _own_annotation() -> OwnAnnotation | None:
    return own_annotation.waiting(request.values.get("annotation", ""), account().user_id)
