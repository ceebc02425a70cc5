"""Read models of inbound mail, shared by screens and the API."""

from firebell.inbound_mail import addresses

address_of = addresses.address_of
