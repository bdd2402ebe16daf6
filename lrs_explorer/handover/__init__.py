"""What leaves the explorer: for the pipeline alone, for print, for a reader."""
