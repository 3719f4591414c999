# syntax=docker/dockerfile:1
# A model behind HTTP or a Telegram bot: docs/deploy.md. Build it where the folder MODELS holds a
# model of `labelmend train-classifier`, as MODELS/model, and others that you want to serve.
ARG PYTHON=3.12

# The wheel, and the environment that runs it.
FROM python:${PYTHON}-slim-bookworm AS build
ARG EXTRAS=bot,embedded,lightgbm,mask,retrain,serve
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/labelmend
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY labelmend ./labelmend
RUN /opt/labelmend/bin/python -m pip wheel --no-deps --wheel-dir /wheels . && \
    /opt/labelmend/bin/python -m pip install --constraint constraints.txt \
      "labelmend[${EXTRAS}] @ file://$(echo /wheels/labelmend-*.whl)" && \
    /opt/labelmend/bin/python -m pip uninstall --yes --quiet pip

# The models, and their exports as ONNX, which the first start would make else.
FROM build AS models
ARG MODELS=models
COPY ${MODELS} /models
COPY deploy/export_models.py ./
ENV LABELMEND_HOME=/var/lib/labelmend
RUN /opt/labelmend/bin/python export_models.py /models && \
    chmod -R a+rX /models /var/lib/labelmend

# What runs: no compiler, no pip of its own, nobody's user.
FROM python:${PYTHON}-slim-bookworm AS runtime
# LightGBM's threads. Versions are those of the base image's release.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin labelmend && \
    install -d -o 10001 -g 10001 /data
COPY --from=build /opt/labelmend /opt/labelmend
COPY --from=models /models /models
COPY --from=models /var/lib/labelmend /var/lib/labelmend
ENV PATH=/opt/labelmend/bin:$PATH LABELMEND_HOME=/var/lib/labelmend \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
# For the log of requests, where one is kept. Everything else may be read-only.
VOLUME /data
EXPOSE 8378
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8378/health/ready', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["labelmend"]
CMD ["serve", "/models/model", "--host", "0.0.0.0", "--behind-proxy", "--token-file", "/run/secrets/labelmend_tokens"]
