"""Bus of the account: what SES says of mails that did not arrive, or were not welcome."""

from functions.notifications import returned
from functions.runtime import bus

handler = bus.consumer(returned.take_back)
