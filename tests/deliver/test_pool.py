import os

from notifier.deliver.pool import Pool


class Connection:
    def __init__(self, name: str) -> None:
        self.name = name
        self.good = True
        self.closed = False


def a_pool(most: int = 2, idle: float = 60.0) -> Pool[Connection]:
    return Pool(most=most, idle=idle, usable=lambda one: one.good, close=close)


def close(connection: Connection) -> None:
    connection.closed = True


def test_the_newest_is_taken_first() -> None:
    pool, old, new = a_pool(), Connection("old"), Connection("new")
    pool.give(old)
    pool.give(new)

    assert (pool.take(), pool.take(), pool.take()) == (new, old, None)


def test_what_cannot_be_used_any_more_is_closed() -> None:
    pool, dead = a_pool(), Connection("dead")
    pool.give(dead)
    dead.good = False

    assert pool.take() is None
    assert dead.closed


def test_what_idled_too_long_is_closed_unasked() -> None:
    pool, old = a_pool(idle=-1.0), Connection("old")
    pool.give(old)

    assert pool.take() is None
    assert old.closed


def test_more_than_it_may_keep_is_closed() -> None:
    pool, first, second = a_pool(most=1), Connection("first"), Connection("second")
    pool.give(first)
    pool.give(second)

    assert (first.closed, second.closed) == (False, True)


def test_closing_closes_what_is_idle() -> None:
    pool, idle = a_pool(), Connection("idle")
    pool.give(idle)
    pool.close()

    assert idle.closed
    assert pool.take() is None


def test_what_comes_back_after_the_closing_is_closed() -> None:
    pool, late = a_pool(), Connection("late")
    pool.close()
    pool.give(late)

    assert late.closed


def test_a_forked_child_leaves_its_parents_connections_alone() -> None:
    pool, parents = a_pool(), Connection("the parent's")
    pool.give(parents)

    child = os.fork()
    if child == 0:
        os._exit(0 if pool.take() is None and not parents.closed else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert pool.take() is parents
