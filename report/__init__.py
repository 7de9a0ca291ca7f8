"""Reports on runs: the parts of an evaluation, the HTML page and the model card."""
