"""The few things every handler needs: http, bus, clock, settings, errors, observability, tables."""
