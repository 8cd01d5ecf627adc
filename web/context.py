"""The collaborators that the views of one Flask app share."""

from dataclasses import dataclass
from pathlib import Path

from flask import current_app
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from aws.config import Config
from aws.resources import World
from aws.secrets import Secrets
from web.services import bundled
from web.services.annotators import SignsOfLife
from web.services.call_counts import CallCounts
from web.services.explorer import Explorer, default_folder
from web.services.globus import Globus
from web.services.payments import Payments
from web.services.reference_files import ReferenceFiles
from web.services.references import OfferedReferences
from web.services.streams import Streams

KEY = "gas"
MB = 1_000_000


@dataclass(frozen=True)
class Site:
    """The collaborators of the views; `tickets` signs issued job ids, `links` shares,
    `parted` uploads in parts."""

    world: World
    globus: Globus
    payments: Payments
    references: OfferedReferences
    annotators: SignsOfLife
    explorer: Explorer
    reference_files: ReferenceFiles
    calls: CallCounts
    streams: Streams
    tickets: URLSafeTimedSerializer
    links: URLSafeSerializer
    parted: URLSafeTimedSerializer

    @property
    def config(self) -> Config:
        return self.world.config


def build(world: World, secrets: Secrets) -> Site:
    """Connect the collaborators. Raises ConfigError where settings would put a login at risk."""
    keys = [*secrets.flask_old_keys, secrets.flask_key]
    folders = reference_folders(world.config)
    explorer = Explorer(
        world.files,
        default_folder(world.config.gas.prefix),
        world.config.web.explorer_mb * MB,
        *folders,
    )
    return Site(
        world=world,
        globus=Globus.of(world.config, secrets),
        payments=Payments.of(world, secrets),
        references=OfferedReferences(world.files, world.clock),
        annotators=SignsOfLife(world.files, world.queues, world.clock),
        explorer=explorer,
        reference_files=ReferenceFiles(world.files, folders, explorer),
        calls=CallCounts(world.clock),
        streams=streams_of(world),
        tickets=URLSafeTimedSerializer(keys, salt="upload"),
        links=URLSafeSerializer(keys, salt="share"),
        parted=URLSafeTimedSerializer(keys, salt="parts"),
    )


def reference_folders(config: Config) -> list[Path]:
    """The folders with references on this machine: the bundled ones, then the operators'."""
    added = config.annotator.references
    return [bundled.FOLDER.parent, *([Path(added)] if added else [])]


def streams_of(world: World) -> Streams:
    """Half of the threads may be streaming, a sixth for one reader: the pages need the others."""
    threads = world.config.web.threads
    return Streams(max(1, threads // 2), max(1, threads // 6), world.clock)


def site() -> Site:
    """The site of the app that serves this request."""
    built: Site = current_app.extensions[KEY]
    return built


def world() -> World:
    return site().world
