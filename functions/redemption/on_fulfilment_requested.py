"""Bus: our own news of what a supplier is to hand over."""

from functions.redemption import fulfilling
from functions.runtime import bus

handler = bus.consumer(fulfilling.ask)
