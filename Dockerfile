# The server in a small image: no root, no shell needed, a read-only root will do.
#   docker build -t taskforge --build-arg REVISION="$(git rev-parse --short=12 HEAD)" .
#   docker run --read-only -v taskforge:/var/lib/taskforge -p 127.0.0.1:7480:7480 -p 127.0.0.1:7481:7481 taskforge
FROM debian:bookworm-slim AS build
WORKDIR /src
# One list of packages for this image, for tools/run and for CI.
COPY tools/install tools/common.sh tools/
RUN tools/install build
COPY CMakeLists.txt CMakePresets.json ./
COPY protos protos
COPY service service
COPY tools/cmake tools/cmake
COPY tools/cli tools/cli
ARG REVISION=unknown
RUN cmake --preset release -DTASKFORGE_BUILD_TESTS=OFF -DTASKFORGE_REVISION="${REVISION}" \
 && cmake --build --preset release --target taskforged taskforge \
 && mkdir /out \
 && for program in taskforged taskforge; do strip -o /out/$program build/release/bin/$program; done

FROM debian:bookworm-slim
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates \
      libabsl20220623 libfmt9 libgrpc++1.51 libgrpc29 libhwloc15 libmicrohttpd12 \
      libprometheus-cpp-core1.0 libprotobuf32 librocksdb7.8 libssl3 libtcmalloc-minimal4 libyaml-cpp0.7 tzdata zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 65532 -g 65532 -m 0750 /var/lib/taskforge
COPY --from=build /out/taskforged /out/taskforge /usr/local/bin/
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="TaskForge" \
      org.opencontainers.image.description="Task-execution server: gRPC, four priorities, an adaptive thread pool" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
VOLUME /var/lib/taskforge
EXPOSE 7480 7481
STOPSIGNAL SIGTERM
# Within a container "every address" is what the container's network lets in; publish the ports on
# 127.0.0.1, or behind what speaks TLS. As variables, so that the health check reads the same as the
# server does, whatever they are set to.
ENV TASKFORGE_GRPC_LISTEN=0.0.0.0:7480 \
    TASKFORGE_ADMIN_LISTEN=0.0.0.0:7481 \
    TASKFORGE_INSECURE_LISTEN=true \
    TASKFORGE_DATA_DIR=/var/lib/taskforge
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["taskforged", "health"]
ENTRYPOINT ["taskforged"]
CMD ["serve"]
