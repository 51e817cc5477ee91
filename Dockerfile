# The container image of Orcastra. See docs/running/container.md. `make image` builds it.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-pip
# Package indexes for pip, if not the default one. Neither is kept in the image.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
WORKDIR /src
COPY tools/constraints.txt tools/
RUN python3 -m venv --without-pip /opt/orcastra
COPY . .
# Only wheels, so that no compiler is needed. Orcastra's own wheel is built here.
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
    && pip --python /opt/orcastra/bin/python install --no-cache-dir --only-binary :all: \
        --constraint tools/constraints.txt /wheels/*.whl \
    && rm -rf /opt/orcastra/lib/python3*/site-packages/ansible_test

FROM ${BASE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends openssh-client python3 tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
    && groupadd --gid 10001 orcastra \
    && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin orcastra \
    && install -d -o orcastra -g orcastra -m 0700 /var/lib/orcastra \
    && install -d /etc/swarm-orchestration
COPY --from=build /opt/orcastra /opt/orcastra
COPY container/entrypoint /usr/local/bin/orcastra-entrypoint
# Tab completes commands in `docker exec -it CONTAINER bash`.
RUN /opt/orcastra/bin/python -B -m orcastra_runner completion bash > /etc/orcastra-completion.bash \
    && echo ". /etc/orcastra-completion.bash" >> /etc/bash.bashrc

ARG VERSION=unknown
LABEL org.opencontainers.image.title="Orcastra" \
      org.opencontainers.image.description="Keeps a Docker Swarm in its desired state" \
      org.opencontainers.image.licenses="GPL-3.0-or-later" \
      org.opencontainers.image.source="https://github.com/orcastra/orcastra" \
      org.opencontainers.image.version="${VERSION}"

# Listens on all addresses, because the container's network controls access to the port. Temporary files go to
# /tmp.
ENV PATH=/opt/orcastra/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ANSIBLE_HOME=/tmp/.ansible \
    ORCASTRA_HTTP_ADDRESS=:6060
# There is no USER: the container starts as root, and the entry point finds the group of the engine's socket and
# becomes the user orcastra before anything else runs. Use --user 10001:GROUP to start as that user.
WORKDIR /tmp
VOLUME /var/lib/orcastra
EXPOSE 6060
# Uses the entry point, so that it doesn't run as root either.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["orcastra-entrypoint", "healthcheck"]
ENTRYPOINT ["orcastra-entrypoint"]
CMD ["run"]
