"""Being told to stop, while waiting and while working."""

import os
import signal
import threading
import time

from workers.signals import Stop


def test_a_signal_ends_the_wait_and_is_remembered(own_signals: None) -> None:
    stop = Stop()
    stop.listen()
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()

    start = time.monotonic()
    assert stop.wait(10)

    assert time.monotonic() - start < 2
    assert stop()
    assert stop.wait(10)


def test_every_thread_that_waits_is_woken() -> None:
    stop, woken = Stop(), []
    threads = [threading.Thread(target=lambda: woken.append(stop.wait(10))) for _ in range(4)]
    for thread in threads:
        thread.start()

    stop.ask()
    for thread in threads:
        thread.join(2)

    assert woken == [True] * 4


def test_being_woken_is_not_being_stopped() -> None:
    stop = Stop()
    stop.wake()

    assert not stop.wait(10)
    assert not stop.wait(0.01)


def test_more_wake_ups_than_a_pipe_holds_do_no_harm() -> None:
    stop = Stop()
    for _ in range(100_000):
        stop.wake()

    assert not stop.wait(0)
