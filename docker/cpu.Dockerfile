# docker build -f docker/cpu.Dockerfile -t keraunos . && docker run --rm -v "$PWD:/work" keraunos fit quickstart
FROM python:3.11-slim
WORKDIR /source
COPY . .
RUN pip install --no-cache-dir --constraint .ci/constraints.txt . && rm -rf /source
RUN useradd --create-home keraunos
USER keraunos
WORKDIR /work
ENTRYPOINT ["keraunos"]
CMD ["--help"]
