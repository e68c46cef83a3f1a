"""What an operator does with an installation's database: copy, back up, restore, check."""
