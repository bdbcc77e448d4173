"""Bus: our own news that partners are told."""

from functions.runtime import bus
from functions.webhooks import telling

handler = bus.batch_consumer(telling.tell)
