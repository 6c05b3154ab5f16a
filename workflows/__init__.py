"""Durability, and nothing else: the engine, the steps, and the workflows that read like the README's diagram."""
