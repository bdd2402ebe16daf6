"""Model layer: data, recipes and computations. No widget is imported here."""
