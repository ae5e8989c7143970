# syntax=docker/dockerfile:1

# How to name it by its digest says docs/operation.md.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements-build.lock requirements.lock /tmp/
# As manage.py does: what builds the one package without a wheel is checked by its hash, too.
RUN /opt/venv/bin/pip install --require-hashes --no-deps --only-binary=:all: -r /tmp/requirements-build.lock \
    && /opt/venv/bin/pip install --require-hashes --no-deps --no-build-isolation --use-pep517 \
    --only-binary=:all: --no-binary=flask-principal -r /tmp/requirements.lock

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    # Many threads share few arenas, so that memory freed after a chunk serves the next one.
    MALLOC_ARENA_MAX=2 \
    BACKOFFICE_HOST=0.0.0.0 \
    BACKOFFICE_DATA_DIR=/data
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin backoffice \
    && install -d -m 0700 -o backoffice -g backoffice /data
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY manage.py ./
COPY fixtures fixtures
COPY backoffice backoffice
RUN python -m compileall -q backoffice
USER backoffice
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:5000/readyz', timeout=3)"]
# The other process is `worker`; `up` runs all in one container, with the data in /data.
ENTRYPOINT ["python", "-m", "backoffice"]
CMD ["serve"]
