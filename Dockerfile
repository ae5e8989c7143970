# syntax=docker/dockerfile:1

# How to name it by its digest says docs/deploy.md; how to make one without a registry, deploy/base_image.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements-build.lock requirements.lock /tmp/
# As manage.py does: what builds the one package without a wheel is checked by its hash, too. Where packages come from
# somewhere else, a pip.conf and the certificates it names are given as secrets (docs/deploy.md): they are in no layer.
# pip itself is not in the image.
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf --mount=type=secret,id=ca_bundle \
    /opt/venv/bin/pip install --require-hashes --no-deps --only-binary=:all: -r /tmp/requirements-build.lock \
    && /opt/venv/bin/pip install --require-hashes --no-deps --no-build-isolation --use-pep517 \
    --only-binary=:all: --no-binary=flask-principal -r /tmp/requirements.lock \
    && /opt/venv/bin/pip uninstall --yes setuptools pip

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title=backoffice \
    org.opencontainers.image.description="A back office for files on Redis or Valkey" \
    org.opencontainers.image.licenses=MIT
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    # Many threads share few arenas, so that memory freed after a chunk serves the next one.
    MALLOC_ARENA_MAX=2 \
    BACKOFFICE_HOST=0.0.0.0 \
    BACKOFFICE_DATA_DIR=/data
# Without useradd, which a small base does not have.
RUN echo backoffice:x:10001: >> /etc/group \
    && echo backoffice:x:10001:10001::/nonexistent:/usr/sbin/nologin >> /etc/passwd \
    && install -d -m 0700 -o 10001 -g 10001 /data
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY LICENSE ./
COPY fixtures fixtures
COPY backoffice backoffice
# Not by times of modification, which a registry or a copy may change: then each start would compile all of it.
RUN python -m compileall -q --invalidation-mode unchecked-hash backoffice
# By number, so that Kubernetes sees that it is not root.
USER 10001:10001
EXPOSE 5000
# For engines that ask it (Kubernetes asks by itself); not for a worker, which has no port.
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-I", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('BACKOFFICE_PORT', '5000') + '/readyz', timeout=3)"]
# The other process is `worker`; `up` runs all in one container, with the data in /data.
ENTRYPOINT ["python", "-m", "backoffice"]
CMD ["serve"]
