from simulator.column import WideColumn


def test_numbers_beyond_64_bits_come_back_whole() -> None:
    """By index and by slice, and the front can be deleted."""
    numbers = [10**24 + 7, 3, 0, 10**20]
    column = WideColumn()
    for number in numbers:
        column.append(number)
    del column[0]

    assert numbers[1:] == column[:]
    assert 10**20 == column[-1]
    assert 3 == len(column)
