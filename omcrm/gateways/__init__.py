"""Raw WebSockets for other programs: one mount for all, a dialect for each kind of program."""
