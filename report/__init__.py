"""What a model can be trusted with: the parts of an evaluation, the report, the card."""
