"""The contract of the Enphase Streaming API as a test suite over plain HTTP.

    pytest --pyargs enphase_streaming_mock.checks --base-url http://127.0.0.1:4010/api/v4

It runs on the mock, on Prism, and on the real API, where it makes one call and says before what
that costs. docs/contract.md tells how.
"""
