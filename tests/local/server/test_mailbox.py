import requests

from tests.conftest import PATIENCE_S, Handle
from tests.local.conftest import Clients


def send(aws: Clients, subject: str, sender: str = "gas@localhost", **bodies: str) -> None:
    aws.ses.verify_email_identity(EmailAddress="gas@localhost")
    aws.ses.send_email(
        Source=sender,
        Destination={"ToAddresses": ["ada@example.org"]},
        Message={
            "Subject": {"Data": subject},
            "Body": {kind: {"Data": text} for kind, text in bodies.items()},
        },
    )


def test_mail_can_be_read_newest_first(aws: Clients, local_aws: Handle, name: str) -> None:
    send(aws, f"{name} one", Text="first")
    send(aws, f"{name} two", Text="Grüße & <b>", Html="<p>hello</p>")
    newest, older = local_aws.mail()[:2]
    assert (newest["subject"], older["subject"]) == (f"{name} two", f"{name} one")
    assert (newest["to"], newest["text"]) == ("ada@example.org", "Grüße & <b>")
    assert newest["html"] == "<p>hello</p>"
    assert newest["time"] >= older["time"]


def test_the_page_shows_mail_and_runs_nothing_in_it(aws: Clients, name: str) -> None:
    send(aws, f"{name}<script>", Text="see http://localhost:5000/a?b=1&c=2\n<script>x</script>")
    page = requests.get(f"{aws.url}/mail", timeout=PATIENCE_S)
    assert page.headers["Content-Type"].startswith("text/html")
    assert f"{name}&lt;script&gt;" in page.text
    assert "<script" not in page.text
    assert '<a href="http://localhost:5000/a?b=1&amp;c=2">' in page.text


def test_a_browser_at_the_root_sees_the_mail_and_clients_their_buckets(
    aws: Clients, name: str
) -> None:
    send(aws, name, Text="hello")
    assert name in requests.get(aws.url, timeout=PATIENCE_S).text
    assert "Buckets" in aws.s3.list_buckets()


def test_mail_that_ses_refused_is_not_shown(aws: Clients, local_aws: Handle, name: str) -> None:
    refused = aws.ses.exceptions.MessageRejected
    try:
        send(aws, name, sender="stranger@elsewhere.example", Text="x")
    except refused:
        assert name not in [letter["subject"] for letter in local_aws.mail()]
    else:
        raise AssertionError("an unverified sender was accepted")
