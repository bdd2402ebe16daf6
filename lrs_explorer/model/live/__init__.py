"""Parts of the live kernel: from an image and a recipe to what `model.extraction` sums up."""
