"""The web tier's keys, from Secrets Manager; never from a file, never logged."""

import json
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from aws.config import Config, ConfigError
from aws.resources import Names, clients

REQUIRED = ("flask_key", "globus_client_id", "globus_client_secret")


@dataclass(frozen=True)
class Secrets:
    """The fields of the secret `<prefix>/web`; `flask_old_keys` still verify sessions."""

    flask_key: str = field(repr=False)
    globus_client_id: str
    globus_client_secret: str = field(repr=False)
    flask_old_keys: tuple[str, ...] = field(default=(), repr=False)
    stripe_key: str = field(default="", repr=False)
    stripe_webhook_key: str = field(default="", repr=False)


def load(config: Config) -> Secrets:
    """Read the secret. Raises ConfigError naming what it lacks."""
    name = Names(config.gas.prefix).secret
    try:
        reply = clients(config).client("secretsmanager").get_secret_value(SecretId=name)
    except (ClientError, BotoCoreError) as error:
        raise ConfigError(f"cannot read the secret {name}: {error}") from None
    secret = json.loads(reply["SecretString"])
    missing = [key for key in REQUIRED if not secret.get(key)]
    if missing:
        raise ConfigError(f"the secret {name} lacks {', '.join(missing)}")
    known = {k: v for k, v in secret.items() if k in Secrets.__dataclass_fields__}
    return Secrets(**{**known, "flask_old_keys": tuple(secret.get("flask_old_keys", ()))})


def create(config: Config, secrets: Secrets) -> None:
    """Store the secret where there is none yet; an existing one is left as it is."""
    client = clients(config).client("secretsmanager")
    try:
        client.create_secret(
            Name=Names(config.gas.prefix).secret, SecretString=json.dumps(vars(secrets))
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceExistsException":
            raise
