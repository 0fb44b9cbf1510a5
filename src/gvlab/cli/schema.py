"""gvlab schema: what can stand in a file, as JSON schema."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer


class Written(StrEnum):
    """What has a schema."""

    EXPERIMENT = "experiment"


def schema(
    what: Annotated[Written, typer.Argument(help="experiment: a file for `gvlab run FILE.yaml`.")],
) -> None:
    """Print the JSON schema of a file: every key, what it means, and what it may be.

    Editors that know JSON schemas complete and check a file as it is written.

    Examples:

    gvlab schema experiment > experiment.schema.json
    """
    from gvlab.experiment.text_records import json_schema

    assert what is Written.EXPERIMENT
    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
