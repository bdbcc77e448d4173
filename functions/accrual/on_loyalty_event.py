"""Bus: our own news that bring about something to earn, or to take back."""

from functions.accrual import following
from functions.runtime import bus

handler = bus.consumer(following.follow)
