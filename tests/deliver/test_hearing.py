import subprocess
import sys

from notifier.deliver.hearing import feedback_for, feedback_names


def test_the_folder_is_the_registry() -> None:
    assert feedback_names() == ("sendgrid",)


def test_a_providers_feedback_is_found_by_its_name() -> None:
    feedback = feedback_for("sendgrid")

    assert feedback is not None
    assert (feedback.name, feedback.success) == ("sendgrid", 204)


def test_a_provider_that_reports_nothing_here_has_none() -> None:
    assert feedback_for("smtp") is None
    assert feedback_for("../sendgrid") is None
    assert feedback_for("") is None


def test_feedback_is_loaded_only_when_it_is_asked_for() -> None:
    script = (
        "import sys; from notifier.deliver.hearing import feedback_names; feedback_names(); "
        "sys.exit(any('sendgrid' in name for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
