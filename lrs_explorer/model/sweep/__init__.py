"""How much choices matter: a spectrum for every combination of them, and which of them it is."""
