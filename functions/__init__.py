"""Everything that goes into the Lambda package, one room per capability."""
