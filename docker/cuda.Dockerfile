# The CUDA libraries come with TensorFlow's wheels; the host needs NVIDIA's driver and container toolkit.
# docker build -f docker/cuda.Dockerfile -t keraunos:cuda . && docker run --rm --gpus all -v "$PWD:/work" keraunos:cuda doctor --selftest
FROM python:3.11-slim
WORKDIR /source
COPY . .
RUN pip install --no-cache-dir ".[cuda]" && rm -rf /source
RUN useradd --create-home keraunos
USER keraunos
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /work
ENTRYPOINT ["keraunos"]
CMD ["--help"]
