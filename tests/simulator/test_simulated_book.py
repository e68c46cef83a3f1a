from simulator.simulated_book import BookSubscription, SimulatedBook


def test_levels_come_best_first() -> None:
    """The best bid is the highest, the best ask the lowest; no quantity removes a level."""
    book = SimulatedBook()
    book.replace(1, [(10, 1), (9, 2)], [(11, 3), (12, 4)])
    book.set_bid(10, 0)
    book.set_bid(8, 5)
    book.set_ask(11, 7)

    assert ([(9, 2), (8, 5)], [(11, 7)]) == (book.levels(2)[0], book.levels(1)[1])


def test_a_subscription_has_every_change_without_gaps() -> None:
    """Each take begins right after the last one's id, removed levels have no quantity."""
    book = SimulatedBook()
    book.replace(5, [(10, 1)], [])
    subscription = BookSubscription(book)
    book.subscriptions.append(subscription)
    book.set_bid(10, 0)
    book.set_ask(11, 2)
    book.update_id = 8

    assert (6, 8, [(10, 0)], [(11, 2)]) == subscription.take()
    assert subscription.take() is None

    book.update_id = 9

    assert (9, 9, [], []) == subscription.take()
