"""How past days are asked for, one file each."""
