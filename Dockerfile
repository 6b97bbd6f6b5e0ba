# The images of make images, for those who build with docker, podman or buildah:
# the same files, config and user. Programs and files come from make images.
#
#   docker build --build-arg FUNCTION=model-a .                       a model, a component
#   docker build --build-arg FUNCTION=registry --target function .    without params
#   docker build --build-arg FUNCTION=console --build-arg PROGRAM=modelfn --target console .

FROM scratch AS function
ARG FUNCTION
ARG PROGRAM=${FUNCTION}
ARG VERSION=(devel)
ARG REVISION=unknown
ARG SOURCE=https://github.com/modelfn/modelfn
ARG LICENSES=Apache-2.0
LABEL org.opencontainers.image.title=${FUNCTION} \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION} \
      org.opencontainers.image.source=${SOURCE} \
      org.opencontainers.image.licenses=${LICENSES}
COPY out/images/root/ /
COPY --chmod=0555 bin/${PROGRAM} /function
USER 65532:65532
ENTRYPOINT ["/function"]

FROM function AS console
CMD ["console"]

FROM function AS model
ARG FUNCTION
COPY --chmod=0444 out/images/models/${FUNCTION}.json /models/
ENV PARAMS_PATH=/models
