"""Adding an ATS touches one file and its payloads: shown by adding one, and by what no other file knows."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from notifier.ingest.registry import adapters

ROOT = Path(__file__).parents[2]

ADAPTER = '''
"""An ATS that somebody added."""

from notifier.core.change import CandidateFacts, JobFacts, StageChange, StageFacts
from notifier.ingest import adapter, body_id, event_key, signature, strict_json, text_secret
from notifier.ingest.fields import Fields


class Adapter(adapter.Adapter):
    name = "newcomer"
    title = "Newcomer"
    success = 204
    kind_at = "what"

    def verify(self, delivery, secrets, now):
        return signature.of_body(delivery, "x-newcomer", secrets, signature.read_hex)

    def signed(self, plain, secret, now, event_id):
        body = body_id.written(plain.body, "id", event_id)
        return type(plain)({"x-newcomer": signature.digest(text_secret.key(secret), body).hex()}, body)

    def event_key(self, delivery):
        return event_key.from_body(delivery.body)

    def translate(self, delivery, received_at, answers=()):
        body = Fields(strict_json.read(delivery.body))
        person = CandidateFacts(body.identifier("who"), first_name="Ana", emails=body.addresses("mails"))
        stage = StageFacts(body.text("stage"), body.text("stage"))
        return (StageChange("a1", received_at, stage=stage, candidate=person, job=JobFacts("j1", "Engineer")),)
'''

SAMPLES = '{"applied": {"what": "moved", "who": "c1", "mails": ["ana@example.org"], "stage": "Application Review"}}'

STORY = """
import notifier
from notifier.cli.main import cli
from notifier.ingest.registry import adapters
from tests.world import World
from click.testing import CliRunner

world = World("sqlite://")
here = world.add_source("newcomer")
receipt = world.post(here, adapters()["newcomer"].samples()["applied"].body)
world.settle_down()
print(notifier.__file__)
print(receipt.status, receipt.word, world.live("a1"), [address for address, _ in world.mails()])
print("newcomer" in CliRunner().invoke(cli, ["source", "add", "--help"]).output)
print("newcomer" in CliRunner().invoke(cli, ["event", "list"]).output)
world.close()
"""


def test_an_ats_is_added_by_a_file_and_its_payloads(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "notifier", tmp_path / "notifier", ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "notifier" / "ingest" / "ats"
    (folder / "newcomer.py").write_text(ADAPTER)
    (folder / "newcomer.samples.json").write_text(SAMPLES)
    for name in ("tests", "workers", "templates", "config.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = subprocess.run(
        [sys.executable, "-c", STORY],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    place, story, *commands = done.stdout.splitlines()
    assert place.startswith(str(tmp_path))
    assert story == "204 kept [('application_received', 'accepted')] ['ana@example.org']"
    assert commands == ["True", "True"]


@pytest.mark.parametrize("ats", sorted(set(adapters()) - {"generic", "greenhouse"}))
def test_no_other_file_of_the_product_knows_an_ats_by_name(ats: str) -> None:
    """The generic format is our own, and Greenhouse is what the demo's company uses."""
    own = ROOT / "notifier" / "ingest" / "ats" / f"{ats}.py"
    for folder in ("notifier", "workers"):
        for file in (ROOT / folder).rglob("*.py"):
            if file != own:
                assert f'"{ats}"' not in file.read_text("utf-8"), file
