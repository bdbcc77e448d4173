"""Logs: events by name with fields, as JSON, at least one line a request. Never an e-mail, a phone or a name."""

from aws_lambda_powertools import Logger

logger = Logger()
