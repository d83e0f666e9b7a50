"""The Faust agents: each takes a batch, calls a pure stage, hands the result on, and acknowledges."""
