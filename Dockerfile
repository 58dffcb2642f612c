# One small image for every role; the role is the command. Built from the locked list, run as nobody in particular.
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements.lock pyproject.toml README.md ./
RUN python -m venv /opt/darkroom \
    && /opt/darkroom/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY darkroom darkroom
COPY api api
COPY worker worker
COPY sandbox sandbox
COPY migrations migrations
RUN /opt/darkroom/bin/pip install --no-cache-dir --no-deps --no-build-isolation --no-index .

FROM python:3.13-slim
COPY --from=build /opt/darkroom /opt/darkroom
RUN useradd --uid 10001 --create-home darkroom \
    && install --directory --owner=darkroom --group=darkroom \
        /var/lib/darkroom /var/lib/darkroom/blobs /var/lib/darkroom/spool /var/lib/darkroom/flower
ENV PATH=/opt/darkroom/bin:$PATH PYTHONUNBUFFERED=1
USER darkroom
WORKDIR /home/darkroom
