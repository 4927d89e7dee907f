"""Which ATSs can be asked."""

from notifier.ingest.registry import adapters
from notifier.pull.ats.greenhouse import Puller
from notifier.pull.registry import puller_for, puller_names


def test_whoever_has_a_file_in_the_folder_can_be_asked() -> None:
    assert "greenhouse" in puller_names()
    assert isinstance(puller_for("greenhouse"), Puller)


def test_whoever_has_none_cannot() -> None:
    assert puller_for("generic") is None
    assert puller_for("..greenhouse") is None
    assert puller_for("") is None


def test_one_puller_serves_the_process_because_it_keeps_the_tokens() -> None:
    assert puller_for("greenhouse") is puller_for("greenhouse")


def test_every_puller_is_called_as_its_file_and_has_an_adapter_that_reads_what_it_brings() -> None:
    for name in puller_names():
        puller = puller_for(name)
        assert puller is not None
        assert puller.name == name
        assert name in adapters()
