"""From what a Trainer is given to what the loop runs on."""
