"""Names the service and the operation of a request, in whichever protocol it comes."""

import re
from urllib.parse import parse_qs

from local.server.wsgi import (
    Environ,
    body_of,
    bucket_and_key,
    is_form_post,
    path_of,
    signed_service,
)

ON_OBJECTS = {
    "GET": (("uploadId", "ListParts"), ("", "GetObject")),
    "HEAD": (("", "HeadObject"),),
    "PUT": (("uploadId", "UploadPart"), ("", "PutObject")),
    "POST": (
        ("uploads", "CreateMultipartUpload"),
        ("uploadId", "CompleteMultipartUpload"),
        ("restore", "RestoreObject"),
    ),
    "DELETE": (("uploadId", "AbortMultipartUpload"), ("", "DeleteObject")),
}
ON_BUCKETS = {
    "GET": (("list-type", "ListObjectsV2"), ("", "ListObjects")),
    "HEAD": (("", "HeadBucket"),),
    "PUT": (("", "CreateBucket"),),
    "POST": (("delete", "DeleteObjects"), ("", "PostObject")),
    "DELETE": (("", "DeleteBucket"),),
}
"""By method: the first query parameter that is there decides; "" stands for none of them."""
OF_GLACIER = (
    ("POST", "/archives", "UploadArchive"),
    ("DELETE", "/archives/.+", "DeleteArchive"),
    ("POST", "/jobs", "InitiateJob"),
    ("GET", "/jobs", "ListJobs"),
    ("GET", "/jobs/[^/]+", "DescribeJob"),
    ("GET", "/jobs/[^/]+/output", "GetJobOutput"),
    ("POST", "/multipart-uploads", "InitiateMultipartUpload"),
    ("PUT", "/multipart-uploads/.+", "UploadMultipartPart"),
    ("POST", "/multipart-uploads/.+", "CompleteMultipartUpload"),
    ("DELETE", "/multipart-uploads/.+", "AbortMultipartUpload"),
    ("PUT", "", "CreateVault"),
    ("GET", "", "DescribeVault"),
)


def service(environ: Environ) -> str:
    """The service that a request is for: S3 where it is not signed in a header."""
    return signed_service(environ) or "s3"


def operation(environ: Environ) -> str:
    """The operation as the API reference calls it; empty where it is none that we know."""
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target:
        return target.rpartition(".")[2]
    if service(environ) == "s3":
        return _of_s3(environ)
    if service(environ) == "glacier":
        return _of_glacier(environ)
    return parse_qs(body_of(environ).decode()).get("Action", [""])[0]


def _of_s3(environ: Environ) -> str:
    method = environ["REQUEST_METHOD"]
    if is_form_post(environ):
        return "PostObject"
    if "HTTP_X_AMZ_COPY_SOURCE" in environ:
        return "UploadPartCopy" if "uploadId" in environ["QUERY_STRING"] else "CopyObject"
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    known = ON_OBJECTS if bucket_and_key(environ)[1] else ON_BUCKETS
    return next(
        (name for parameter, name in known.get(method, ()) if not parameter or parameter in query),
        "",
    )


def _of_glacier(environ: Environ) -> str:
    rest = re.sub(r"^/[^/]+/vaults/[^/]+", "", path_of(environ))
    for method, pattern, name in OF_GLACIER:
        if method == environ["REQUEST_METHOD"] and re.fullmatch(pattern, rest):
            return name
    return ""
