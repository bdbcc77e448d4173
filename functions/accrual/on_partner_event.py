"""Bus: `PurchaseCompleted`, `PurchaseReturned`, `ActivityRecorded` and `ActivityDecided`, the same as the HTTPS calls.

What comes together for one member is booked together.
"""

from functions.accrual import reporting
from functions.runtime import bus

handler = bus.batch_consumer(reporting.record_events)
