"""What may be said about a fault."""

from workers.blame import blame


def test_it_names_the_class_the_cause_and_the_place_but_not_the_text() -> None:
    try:
        try:
            {}["ada@example.com"]
        except KeyError as cause:
            raise ValueError("for ada@example.com") from cause
    except ValueError as fault:
        said = blame(fault)

    assert said["error"] == "ValueError < KeyError"
    assert said["at"].startswith("test_blame.py:")
    assert "ada" not in str(said)
