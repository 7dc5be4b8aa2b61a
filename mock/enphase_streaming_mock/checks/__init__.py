"""The contract of the Enphase Streaming API as a test suite over plain HTTP.

    pytest --pyargs enphase_streaming_mock.checks --base-url http://127.0.0.1:4010/api/v4

It judges any server by the OpenAPI document alone. On the real API it makes one call, and states
the price first. See docs/contract.md.
"""
