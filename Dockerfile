# syntax=docker/dockerfile:1

# dfc as a small image: one static program and the certificates it needs to reach registries.
#
#     dfc build -t dfc .
#     dfc build -t dfc --secret id=cargo,src=$HOME/.cargo/config.toml .     # with your mirror of crates.io

ARG RUST_VERSION=1

FROM rust:${RUST_VERSION}-slim AS build
ARG TARGETPLATFORM
WORKDIR /src
# The sources are only looked at, and what cargo downloads and compiles stays in cache mounts: the one layer of
# this stage holds the program. Linking statically against glibc asks for a named target, or it would hit
# procedural macros, too.
RUN --mount=type=bind,target=. \
    --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/target,id=dfc-target-${TARGETPLATFORM},sharing=locked \
    --mount=type=secret,id=cargo,target=/usr/local/cargo/config.toml <<EOT
    set -eu
    target=$(rustc -vV | sed -n 's/^host: //p')
    export CARGO_TARGET_DIR=/target RUSTFLAGS='-C target-feature=+crt-static'
    cargo build --release --locked --package dfc --target "$target"
    install -D "/target/$target/release/dfc" /out/usr/bin/dfc
    install -D -m 644 /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt
    mkdir -m 1777 /out/tmp
EOT

FROM scratch
LABEL org.opencontainers.image.title="dfc" \
      org.opencontainers.image.description="A compiler and builder for Dockerfiles" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /out /
ENV PATH=/usr/bin DFC_HOME=/var/lib/dfc
VOLUME /var/lib/dfc
WORKDIR /work
ENTRYPOINT ["dfc"]
CMD ["--help"]
