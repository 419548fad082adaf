# The command and the hook, as one static program in an image with nothing else in it:
#
#   docker build -t policy-check .
#   docker run --rm -v "$PWD:/work:ro" -w /work policy-check dry-run .

# Alpine's libc is linked statically, so the program needs no other file.
FROM rust:1.95-alpine AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package policy-check \
    && cp target/release/policy-check /policy-check

FROM scratch
COPY --from=build /policy-check /policy-check
# A namespace of its own for reports and caches; mount something there to keep them.
ENV POLICY_CHECK_CACHE_DIR=/cache
ENTRYPOINT ["/policy-check"]
