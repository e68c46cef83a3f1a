from omcrm.exchange.book import Book, Watch


def test_levels_come_best_first() -> None:
    """The best bid is the highest, the best ask the lowest; no quantity removes a level."""
    book = Book()
    book.replace(1, [(10, 1), (9, 2)], [(11, 3), (12, 4)])
    book.set_bid(10, 0)
    book.set_bid(8, 5)
    book.set_ask(11, 7)

    assert ([(9, 2), (8, 5)], [(11, 7)]) == (book.levels(2)[0], book.levels(1)[1])


def test_a_watch_tells_each_change_once_without_gaps() -> None:
    """Each take begins right after the last one's id, removed levels have no quantity."""
    book = Book()
    book.replace(5, [(10, 1)], [])
    watch = Watch(book)
    book.watches.append(watch)
    book.set_bid(10, 0)
    book.set_ask(11, 2)
    book.update_id = 8

    assert (6, 8, [(10, 0)], [(11, 2)]) == watch.take()
    assert watch.take() is None

    book.update_id = 9

    assert (9, 9, [], []) == watch.take()
