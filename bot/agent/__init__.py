"""The agent's turn, without durability: what the model is told, which tools it has, and how one batch of calls is carried out."""
