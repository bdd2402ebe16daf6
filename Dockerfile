# The dashboard in a container, for one user: see docs/servers.md.
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY lrs_explorer lrs_explorer
RUN python -m venv /opt/lrs-explorer && /opt/lrs-explorer/bin/pip install --no-cache-dir .

FROM python:3.12-slim
COPY --from=build /opt/lrs-explorer /opt/lrs-explorer
# /data is what the page opens, and where it saves: mount data there.
RUN useradd --uid 1000 --create-home astronomer && install -d -o 1000 -g 1000 /data
ENV PATH=/opt/lrs-explorer/bin:$PATH
USER 1000
WORKDIR /data
EXPOSE 8866
# Within the container all may ask; from outside, whom `docker run -p` lets in.
ENTRYPOINT ["lrs-explorer", "--no-browser", "--ip", "0.0.0.0", "--port", "8866"]
