"""`loyalty import`: what a business has from before, brought into a deployed programme.

    file ── cli.purchases ──> Purchases ── streams ──> batches ── sending ──> POST /v1/batches
                                                          │                        │
                                              skipped ────┴──── journal <── Outcome of each

Every operation carries the receipt number of the file as its id, so that sending it twice books it once. The journal is
therefore only a way to save work: losing it, or its last line, costs repeats and never a wrong balance.
"""
