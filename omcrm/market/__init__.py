"""What a price is: pure values and rules, with the clock passed in."""
