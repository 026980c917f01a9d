# syntax=docker/dockerfile:1
# Dragoman for CPUs: docker build -t dragoman . (docs/operations.md says how to run it).
# For a release, name the base by digest: --build-arg PYTHON=python:3.11-slim-bookworm@sha256:...
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/dragoman
COPY requirements.lock ./
RUN /opt/dragoman/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY deployments/ deployments/
COPY models/ models/
COPY profiles/ profiles/
COPY serve_app/ serve_app/
# Bytecode is written now, because the file system will be read-only.
RUN /opt/dragoman/bin/pip install --no-deps . \
    && /opt/dragoman/bin/python -m compileall -q -j 0 /opt/dragoman/lib \
    && /opt/dragoman/bin/pip uninstall --yes pip

FROM ${PYTHON}
# tini ends what Ray leaves behind; KubeRay's probes of workers call bash and wget. Without versions,
# so that each build has Debian's security updates.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini wget \
    && rm -rf /var/lib/apt/lists/* \
    && pip uninstall --yes pip setuptools wheel \
    && groupadd --gid 1000 dragoman \
    && useradd --uid 1000 --gid dragoman --create-home --shell /usr/sbin/nologin dragoman
COPY --from=build /opt/dragoman /opt/dragoman
COPY serve_config.yaml /etc/dragoman/serve_config.yaml
ENV PATH=/opt/dragoman/bin:$PATH \
    HOME=/home/dragoman \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RAY_USAGE_STATS_ENABLED=0 \
    RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH=serve_app.edge:proxy_middlewares
USER 1000:1000
WORKDIR /home/dragoman
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
    CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8000/health/ready"]
ENTRYPOINT ["/usr/bin/tini", "-g", "--"]
CMD ["dragoman", "serve", "/etc/dragoman/serve_config.yaml", "--host", "0.0.0.0"]
