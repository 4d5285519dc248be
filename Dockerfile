# onlyme without a GPU and without a window: a camera or a stream in, a page out. docs/containers.md says how to run it.
# Another Debian does as well if its Python is 3.11 to 3.14.
FROM debian:trixie-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3-venv \
    && rm -rf /var/lib/apt/lists/*

# nothing here needs root, and a camera belongs to the group video
RUN useradd --create-home --groups video onlyme
USER onlyme
WORKDIR /home/onlyme
COPY --chown=onlyme:onlyme . .

# packages, the small networks and, where its host can be reached, a small Mask R-CNN: a call fetches nothing
ENV PIP_NO_CACHE_DIR=1
RUN python3 common/setup.py && .venv/bin/python -m infer.first_start

# a port of the container is opened from outside it, so the page listens on all its addresses
ENV PATH=/home/onlyme/.venv/bin:$PATH ONLYME_SINK=web ONLYME_WEB=0.0.0.0:8765
EXPOSE 8765
CMD ["honcho", "start"]
