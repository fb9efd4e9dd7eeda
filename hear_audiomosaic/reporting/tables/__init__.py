"""Tables as they are printed, whatever they are printed as."""
