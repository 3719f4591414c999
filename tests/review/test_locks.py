from labelmend.review.locks import HOLD_SECONDS, Locks


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_hold_ends_by_itself_unless_it_is_renewed():
    clock = Clock()
    locks = Locks(clock=clock)
    locks.take(["a", "b"], "one")
    assert not locks.free("a", "two")
    assert locks.free("a", "one")
    clock.now = HOLD_SECONDS - 1
    locks.renew("one")
    clock.now = 2 * HOLD_SECONDS - 2
    assert not locks.free("b", "two")
    clock.now = 2 * HOLD_SECONDS - 1
    assert locks.free("b", "two")


def test_whoever_takes_other_texts_lets_go_of_the_first():
    locks = Locks()
    locks.take(["a"], "one")
    locks.take(["a", "b"], "two")
    assert not locks.free("a", "two")
    assert not locks.free("b", "one")
    locks.take(["c"], "one")
    assert locks.free("a", "two")
    locks.release("two")
    assert locks.free("b", "one")
