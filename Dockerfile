# Two images: `--target mock` serves the mock, the last stage runs a client. docs/containers.md
# Alpine: with the slim image of Debian, these images would exceed 150 MB.
FROM python:3.13-alpine AS build
RUN python -m venv --without-pip /opt/enphase && mkdir /data
WORKDIR /source
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY spec/streaming.yaml spec/
COPY generated generated
COPY overlay overlay
COPY mock/enphase_streaming_mock mock/enphase_streaming_mock
# Further packages, for a program of your own.
ARG MORE=""
# hadolint ignore=DL3013,SC2086
RUN pip --python /opt/enphase/bin/python install --no-cache-dir '.[cli,mock]' $MORE

FROM python:3.13-alpine AS runtime
COPY --from=build /opt/enphase /opt/enphase
# Tokens and ledgers. The user has no name, and no other folder to write to.
COPY --from=build --chown=10001:10001 /data /data
# hadolint ignore=DL3064
ENV PATH=/opt/enphase/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/data \
    ENPHASE_LEDGER=/data/ledger.sqlite \
    ENPHASE_TOKEN_FILE=/data/tokens.json
USER 10001:10001
WORKDIR /data
VOLUME /data

FROM runtime AS mock
EXPOSE 4010
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --start-interval=1s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:4010/_mock/openapi.json', timeout=2)"]
CMD ["enphase-mock", "serve", "--host", "0.0.0.0"]

FROM runtime AS client
# It serves nothing: a watch that cannot go on ends, and the restart policy decides what follows.
HEALTHCHECK NONE
CMD ["enphase-streaming", "--help"]
