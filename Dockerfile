# cachectl alone, for pipelines:
#   docker build --build-arg CACHECTL_COMMIT="$(git log -1 --format='%h %cs')" -t cachectl .
#   docker run --rm -v "$PWD:/work" -e AWS_ACCESS_KEY_ID ... cachectl plan
# The commit is for `cachectl -V`: the image is built without the history.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY . .
ARG CACHECTL_COMMIT=""
RUN cargo build --release --locked --package cachectl --bin cachectl

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 cachectl
COPY --from=build /src/target/release/cachectl /usr/local/bin/cachectl
USER cachectl
WORKDIR /work
ENTRYPOINT ["cachectl"]
