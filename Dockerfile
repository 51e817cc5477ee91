# Builds with any engine, with BuildKit or without it.
# Base image: Debian or Ubuntu with Python 3.11 or newer among its packages.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates openssh-client python3 tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*.log /var/log/apt \
    && groupadd --gid 6060 orcastra \
    && useradd --uid 6060 --gid 6060 --create-home --home-dir /var/lib/orcastra --shell /usr/sbin/nologin orcastra \
    && mkdir -p /etc/swarm-orchestration /mnt/mods \
    && chown orcastra:orcastra /mnt/mods

FROM base AS build
# Not kept in the image: the environment of whoever builds it, for a proxy or an index of their own
ARG PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_CERT
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv \
    && python3 -m venv /opt/orcastra
WORKDIR /src
# First what changes rarely: the pinned dependencies
COPY tools/constraints.txt tools/
COPY pyproject.toml galaxy.yml hatch_build.py README.md COPYING ./
COPY meta meta
COPY plugins plugins
COPY roles roles
COPY playbooks playbooks
COPY inventory inventory
COPY changelogs changelogs
COPY orcastra_runner orcastra_runner
RUN /opt/orcastra/bin/pip install --no-cache-dir --constraint tools/constraints.txt . \
    && /opt/orcastra/bin/pip uninstall --yes pip setuptools \
    && find /opt/orcastra -type d \( -name tests -o -name test -o -name __pycache__ \) \
        -path '*site-packages*' -not -path '*/ansible/*' -prune -exec rm -r {} +

FROM base
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Orcastra" \
      org.opencontainers.image.description="Makes a Docker Swarm look after itself" \
      org.opencontainers.image.licenses="GPL-3.0-or-later" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/orcastra /opt/orcastra
# The published port needs all addresses; who may write is the token's business
ENV PATH=/opt/orcastra/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    ORCASTRA_HTTP_ADDRESS=:6060
USER 6060:6060
WORKDIR /var/lib/orcastra
VOLUME /var/lib/orcastra
EXPOSE 6060
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["orcastra", "healthcheck"]
ENTRYPOINT ["tini", "--", "orcastra"]
CMD ["run"]
