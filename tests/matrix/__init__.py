"""The contract matrix: the document, the generated client, the overlay and the mock, row by row."""
