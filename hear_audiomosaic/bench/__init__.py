"""The unified runner: encoders x tasks x protocols -> result files."""
