"""The agent's turn without durability: what the model is told, which tools it has, how its calls are carried out."""
