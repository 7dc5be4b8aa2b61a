"""The rules of the stream, free of I/O and clocks: bytes and times in, readings and errors out."""
