"""`loyalty import members`: members of another system, with their points, tiers and consents.

    file ── reading ──> rows ── checking ──> Arrival ── sending ──> POST /v1/members, …/adjustments, PUT …/preferences
                                    │                      │
                                mistakes               journal ──> reconciling <── GET …/balance

Nothing is sent while any row has a mistake. Every call carries a key made of the row's own, so that a second run is
answered as the first was.
"""
