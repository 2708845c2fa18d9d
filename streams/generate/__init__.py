"""Synthetic and recorded input: events of a social network, and the accounts behind them."""
